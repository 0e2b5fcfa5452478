#include <chrono>
#include <condition_variable>
#include <utility>

#include "response_cache.h"

namespace weir::serve {
namespace {

// How often a waiting thread asks whether its client is still there.
constexpr std::chrono::milliseconds kLook{20};

}  // namespace

/// An embedding that one thread computes and others wait for. Thread-safe.
class ResponseCache::Computing {
 public:
  explicit Computing(int priority) : priority_(priority) {}

  int priority() const { return priority_; }
  void join() {
    std::lock_guard lock(mutex_);
    ++waiting_;
  }
  bool is_awaited() const {
    std::lock_guard lock(mutex_);
    return waiting_ > 0;
  }
  /// Null: it failed.
  void end(std::shared_ptr<const StoredAnswer> answer) {
    std::lock_guard lock(mutex_);
    ended_ = true;
    answer_ = std::move(answer);
    changed_.notify_all();
  }
  /// The answer, null where there is none. Errors: deadline, cancelled. REQUIRES: join() before.
  Result<std::shared_ptr<const StoredAnswer>> wait(const Ticket& ticket, const Caller& caller,
                                                   const Clock& clock) {
    std::unique_lock lock(mutex_);
    const auto leave = [&](Error error) {
      --waiting_;
      return error;
    };
    while (!changed_.wait_for(lock, kLook, [this] { return ended_; })) {
      if (ticket.deadline && clock.now() >= *ticket.deadline)
        return leave(deadline_passed(ticket, 0));
      if (caller.gone && caller.gone())
        return leave({.code = Code::cancelled, .message = "the client left"});
    }
    return answer_;
  }

 private:
  const int priority_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  size_t waiting_ = 0;
  bool ended_ = false;
  std::shared_ptr<const StoredAnswer> answer_;
};

Result<Embeddings> ResponseCache::embed(Checked checked, const EmbeddingRequest& asked,
                                        Caller& caller, const Compute& compute) {
  if (most_bytes_ == 0) return compute(std::move(checked), caller.gone);
  const ResponseKey key = response_key(checked.ticket, checked.rows, asked);
  std::shared_ptr<Computing> other, own;
  std::shared_ptr<const StoredAnswer> answer;
  {
    std::lock_guard lock(mutex_);
    answer = store_.find(key);
    const auto found = computing_.find(key);
    const bool computes = found != computing_.end();
    if (!answer && computes && found->second->priority() >= checked.ticket.priority) {
      other = found->second;
      other->join();
    }
    if (!answer && !computes && !checked.ticket.deadline)
      own = computing_[key] = std::make_shared<Computing>(checked.ticket.priority);
  }
  if (answer) return replay(*answer, std::move(checked), caller, kHit);
  if (other) {
    auto shared = other->wait(checked.ticket, caller, parts_.clock);
    if (!shared) {
      note_refusal(checked.ticket, shared.error());
      return shared.error();
    }
    if (*shared) return replay(**shared, std::move(checked), caller, kCoalesced);
  }
  note(checked.ticket, caller, kMiss);
  const auto gone = [&] { return caller.gone && caller.gone() && !(own && own->is_awaited()); };
  return compute_here(key, own, [&] { return compute(std::move(checked), gone); });
}

Result<Embeddings> ResponseCache::compute_here(const ResponseKey& key,
                                               std::shared_ptr<Computing> computing,
                                               const std::function<Result<Embeddings>()>& compute) {
  auto computed = compute();
  std::shared_ptr<const StoredAnswer> answer;
  if (computed)
    answer = std::make_shared<const StoredAnswer>(
        StoredAnswer{.choices = {}, .vectors = computed->vectors, .usage = computed->usage});
  {
    std::lock_guard lock(mutex_);
    if (computing) computing_.erase(key);
    if (answer) put(key, answer);
  }
  if (computing) computing->end(std::move(answer));
  return computed;
}

Result<Embeddings> ResponseCache::replay(const StoredAnswer& answer, Checked checked,
                                         Caller& caller, const char* outcome) {
  auto permit = parts_.admission.pass(checked.ticket, checked.rows, caller);
  if (!permit) {
    note_refusal(checked.ticket, permit.error());
    return permit.error();
  }
  note(checked.ticket, caller, outcome);
  checked.ticket.response_cache = outcome;
  SparedRequest books(std::move(checked.ticket), *std::move(permit), checked.rows);
  Embeddings embeddings{
      .model = books.ticket().model_name(), .vectors = answer.vectors, .usage = replayed(answer)};
  books.end(embeddings.usage, "stop");
  return embeddings;
}

}  // namespace weir::serve
