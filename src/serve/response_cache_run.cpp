#include "response_cache_run.h"

#include <algorithm>
#include <utility>

namespace weir::serve {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

SharedRun::SharedRun(std::unique_ptr<Generation> generation, Keep keep)
    : keep_(std::move(keep)),
      choices_(generation->prompts().size()),
      generation_(std::move(generation)) {}

Result<std::optional<Delta>> SharedRun::read(size_t at, milliseconds limit) {
  const auto until = steady_clock::now() + limit;
  std::unique_lock lock(mutex_);
  for (bool waits = true;;) {
    if (at < pieces_.size()) return std::optional<Delta>(pieces_[at]);
    if (error_) return *error_;
    if (ended_ || !waits) return std::optional<Delta>();
    if (!driven_) {
      const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
      drive(lock, std::max(left, milliseconds(0)));
      waits = false;
      continue;
    }
    waits = changed_.wait_until(
        lock, until, [&] { return at < pieces_.size() || error_ || ended_ || !driven_; });
  }
}

void SharedRun::drive(std::unique_lock<std::mutex>& lock, milliseconds limit) {
  driven_ = true;
  lock.unlock();
  auto piece = generation_->next(limit);
  const Usage usage = generation_->usage();
  const bool done = generation_->done();
  std::unique_ptr<Generation> over;  // dies outside the lock: it settles and writes a log line
  lock.lock();
  driven_ = false;
  usage_ = usage;
  if (!piece)
    error_ = std::move(piece.error());
  else if (*piece)
    pieces_.push_back(**std::move(piece));
  ended_ = done && !error_;
  if (ended_ || error_) over = std::move(generation_);
  std::optional<StoredAnswer> answer;
  if (ended_) answer = whole();
  changed_.notify_all();
  lock.unlock();
  over.reset();
  if (answer) keep_(*std::move(answer));
  lock.lock();
}

StoredAnswer SharedRun::whole() const {
  StoredAnswer answer{.choices = std::vector<Delta>(choices_), .usage = usage_};
  for (const Delta& piece : pieces_) {
    Delta& choice = answer.choices.at(piece.choice);
    choice.choice = piece.choice;
    choice.text += piece.text;
    choice.token_ids.insert(choice.token_ids.end(), piece.token_ids.begin(), piece.token_ids.end());
    choice.logprobs.insert(choice.logprobs.end(), piece.logprobs.begin(), piece.logprobs.end());
    if (!piece.prompt_logprobs.empty()) choice.prompt_logprobs = piece.prompt_logprobs;
    if (piece.end) choice.end = piece.end;
    if (piece.answers) choice.answers = piece.answers;
  }
  return answer;
}

bool SharedRun::ended_at(size_t at) const {
  std::lock_guard lock(mutex_);
  return ended_ && at >= pieces_.size();
}

bool SharedRun::failed() const {
  std::lock_guard lock(mutex_);
  return error_.has_value();
}

std::optional<PlaceInLine> SharedRun::standing() {
  std::lock_guard lock(mutex_);
  // A generation that has given a piece waits no more. While another reader drives, that reader
  // tells its own client.
  if (driven_ || !generation_ || !pieces_.empty()) return std::nullopt;
  return generation_->standing();
}

Usage SharedRun::usage() const {
  std::lock_guard lock(mutex_);
  return usage_;
}

}  // namespace weir::serve
