#include "response_cache.h"

#include <utility>

#include "waiting_generation.h"
#include "weir/serve/request_line.h"

namespace weir::serve {
namespace {

bool in_line(Generation& generation) {
  const auto standing = generation.standing();
  return standing && standing->line == PlaceInLine::Which::gate;
}

}  // namespace

ResponseCache::ResponseCache(size_t bytes, Parts parts)
    : most_bytes_(bytes),
      parts_(parts),
      bytes_(parts_.metrics.gauge("weir_response_cache_bytes",
                                  "Size of the answers in the response cache.")),
      answers_(
          parts_.metrics.gauge("weir_response_cache_answers", "Answers in the response cache.")),
      store_(bytes) {}

Result<std::unique_ptr<Generation>> ResponseCache::run(Checked checked, Caller& caller,
                                                       const Start& start) {
  if (most_bytes_ == 0) return start(std::move(checked));
  const auto key = response_key(checked);
  if (!key) return start(std::move(checked));
  std::shared_ptr<const StoredAnswer> answer;
  std::shared_ptr<SharedRun> run;
  {
    std::lock_guard lock(mutex_);
    answer = store_.find(*key);
    if (!answer) run = joinable(*key, checked.ticket.priority);
    // Two equal requests that come together share one run, since a run starts under the lock. A
    // start never blocks.
    if (!answer && !run) return lead(*key, std::move(checked), caller, start);
  }
  return spare(std::move(checked), caller, {std::move(answer), std::move(run)});
}

Result<std::unique_ptr<Generation>> ResponseCache::spare(Checked checked, Caller& caller,
                                                         Source source) {
  auto place = parts_.admission.enter_alone(checked.ticket, checked.rows, caller);
  if (!place) return place.error();
  const char* outcome = source.answer ? kHit : kCoalesced;
  caller.notes.response_cache = outcome;
  GateLine line{std::move(checked), *std::move(place)};
  auto through = [this, source = std::move(source)](GateLine& of) { return serve(of, source); };
  if (line.place.admitted()) return through(line);
  return std::make_unique<WaitingGeneration>(std::move(line), std::move(through), parts_.admission,
                                             parts_.clock);
}

Result<std::unique_ptr<Generation>> ResponseCache::serve(GateLine& line, const Source& source) {
  Ticket& ticket = line.checked.ticket;
  const std::string model = ticket.model_name();
  const char* outcome = source.answer ? kHit : kCoalesced;
  if (ticket.line) ticket.line->work.response_cache = outcome;
  count(model, outcome);
  Prompts prompts = prompts_of(line.checked);
  auto permit = parts_.admission.take(ticket, line.place);
  SparedRequest books(std::move(ticket), std::move(permit), line.checked.rows);
  if (source.answer)
    return std::make_unique<ReplayedGeneration>(source.answer, std::move(prompts),
                                                std::move(books));
  return std::make_unique<SharedReader>(
      SharedReader::Of{source.run, model, std::move(prompts), std::move(books)}, parts_.clock);
}

std::shared_ptr<SharedRun> ResponseCache::joinable(const ResponseKey& key, int priority) const {
  const auto found = running_.find(key);
  if (found == running_.end() || found->second.priority < priority) return nullptr;
  auto run = found->second.run.lock();
  return run && !run->failed() ? run : nullptr;
}

Result<std::unique_ptr<Generation>> ResponseCache::lead(const ResponseKey& key, Checked checked,
                                                        Caller& caller, const Start& start) {
  const std::string model = checked.ticket.model_name();
  const int priority = checked.ticket.priority;
  const bool has_deadline = checked.ticket.deadline.has_value();
  note(checked.ticket, caller, kMiss);
  auto generation = start(std::move(checked));
  if (!generation) return generation;
  const bool shared = !has_deadline && !in_line(**generation);
  Prompts prompts = (*generation)->prompts();
  auto run = std::make_shared<SharedRun>(
      *std::move(generation), [this, key](StoredAnswer whole) { keep(key, std::move(whole)); });
  if (running_.size() >= sweep_at_) {
    std::erase_if(running_, [](const auto& entry) { return entry.second.run.expired(); });
    sweep_at_ = 64 + 2 * running_.size();
  }
  if (shared) running_[key] = {run, priority};
  return std::make_unique<SharedReader>(
      SharedReader::Of{std::move(run), model, std::move(prompts), {}}, parts_.clock);
}

void ResponseCache::note(const Ticket& ticket, Caller& caller, const char* outcome) {
  caller.notes.response_cache = outcome;
  count(ticket.model_name(), outcome);
}

void ResponseCache::count(const std::string& model, const char* outcome) const {
  parts_.metrics
      .counter("weir_response_cache_total", "Requests the response cache looked up, by outcome.",
               {{"model", model}, {"outcome", outcome}})
      .add();
}

void ResponseCache::keep(const ResponseKey& key, StoredAnswer answer) {
  auto kept = std::make_shared<const StoredAnswer>(std::move(answer));
  std::lock_guard lock(mutex_);
  store_.put(key, std::move(kept));
  bytes_.set(static_cast<double>(store_.bytes()));
  answers_.set(static_cast<double>(store_.size()));
  running_.erase(key);
}

}  // namespace weir::serve
