#include "response_cache_store.h"

#include <string>
#include <variant>

namespace weir::serve {
namespace {

constexpr size_t kPlaceBytes = 256;  // nodes of list and map, control block

size_t bytes_of(const std::vector<TokenLogprob>& tokens) {
  size_t sum = tokens.size() * sizeof(TokenLogprob);
  for (const TokenLogprob& token : tokens) sum += token.top.size() * sizeof(TokenLogprob::Top);
  return sum;
}

size_t bytes_of(const Vector& vector) { return vector.size() * sizeof(float); }
size_t bytes_of(const ScoredLabels& labels) {
  size_t sum = labels.size() * sizeof(ScoredLabel);
  for (const ScoredLabel& label : labels) sum += label.name.size();
  return sum;
}
size_t bytes_of(const Spans& spans) {
  size_t sum = spans.size() * sizeof(Span);
  for (const Span& span : spans) sum += span.label.size() + span.text.size();
  return sum;
}
size_t bytes_of(const Analysis& analysis) {
  return (analysis.vector ? bytes_of(*analysis.vector) : 0) +
         (analysis.labels ? bytes_of(*analysis.labels) : 0) +
         (analysis.spans ? bytes_of(*analysis.spans) : 0);
}

}  // namespace

size_t StoredAnswer::bytes() const {
  size_t sum = sizeof(StoredAnswer) + kPlaceBytes;
  for (const Delta& choice : choices) {
    sum += sizeof(Delta) + choice.text.size() + choice.token_ids.size() * sizeof(int32_t);
    sum += bytes_of(choice.logprobs) + bytes_of(choice.prompt_logprobs);
    const auto* stop = choice.end ? std::get_if<std::string>(&choice.end->stop) : nullptr;
    if (stop) sum += stop->size();
    if (!choice.answers) continue;
    for (const Answer& answer : *choice.answers)
      sum += sizeof(Answer) + std::visit([](const auto& is) { return bytes_of(is); }, answer);
  }
  return sum;
}

std::shared_ptr<const StoredAnswer> ResponseStore::find(const ResponseKey& key) {
  const auto place = places_.find(key);
  if (place == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  return place->second->second;
}

void ResponseStore::put(const ResponseKey& key, std::shared_ptr<const StoredAnswer> answer) {
  if (const auto place = places_.find(key); place != places_.end()) drop(place->second);
  const size_t bytes = answer->bytes();
  if (bytes > most_bytes_) return;
  while (bytes_ + bytes > most_bytes_) drop(std::prev(entries_.end()));
  entries_.emplace_front(key, std::move(answer));
  places_[key] = entries_.begin();
  bytes_ += bytes;
}

void ResponseStore::drop(std::list<KeyedAnswer>::iterator entry) {
  bytes_ -= entry->second->bytes();
  places_.erase(entry->first);
  entries_.erase(entry);
}

}  // namespace weir::serve
