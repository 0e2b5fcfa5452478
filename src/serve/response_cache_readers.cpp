#include "response_cache_readers.h"

#include <utility>

namespace weir::serve {

using std::chrono::milliseconds;

SparedRequest::SparedRequest(Ticket ticket, traffic::Permit permit,
                             const std::vector<RequestRow>& rows)
    : ticket_(std::make_unique<Ticket>(std::move(ticket))),
      account_(std::move(permit), requests_in(rows)),
      rows_(rows.size()) {
  for (const RequestRow& row : rows) prompt_tokens_ += static_cast<int64_t>(row.input_tokens());
}

SparedRequest::~SparedRequest() {
  if (ticket_) end({}, "abort", Code::cancelled);
}

void SparedRequest::end(const Usage& usage, std::string_view finish, std::optional<Code> failure) {
  if (std::exchange(ended_, true)) return;
  account_.used(prompt_tokens_, 0, prompt_tokens_);
  note_end(*ticket_, rows_, usage, finish);
  // The times in queue and compute are in the account of the request that was computed.
  account_.settle(*ticket_, Usage{}, failure);
}

Result<std::optional<Delta>> SharedReader::next(milliseconds limit) {
  if (of_.books) {
    const Ticket& ticket = of_.books->ticket();
    if (ticket.deadline && clock_.now() >= *ticket.deadline) {
      end("abort", Code::deadline);
      return deadline_passed(ticket, usage().completion_tokens);
    }
  }
  auto piece = of_.run->read(at_, limit);
  if (!piece) end(finish_word(piece.error().code), piece.error().code);
  if (!piece || !*piece) return piece;
  ++at_;
  if (done()) end((*piece)->end ? finish_word((*piece)->end->reason) : "stop");
  return piece;
}

std::optional<PlaceInLine> SharedReader::standing() {
  return at_ > 0 ? std::nullopt : of_.run->standing();
}

void SharedReader::end(std::string_view finish, std::optional<Code> failure) {
  if (of_.books) of_.books->end(usage(), finish, failure);
}

ReplayedGeneration::ReplayedGeneration(std::shared_ptr<const StoredAnswer> answer, Prompts prompts,
                                       SparedRequest books)
    : answer_(std::move(answer)),
      prompts_(std::move(prompts)),
      usage_(replayed(*answer_)),
      books_(std::move(books)) {}

Result<std::optional<Delta>> ReplayedGeneration::next(milliseconds) {
  if (done()) return std::optional<Delta>();
  const Delta& choice = answer_->choices[at_++];
  if (done()) books_.end(usage_, choice.end ? finish_word(choice.end->reason) : "stop");
  return std::optional<Delta>(choice);
}

Usage replayed(const StoredAnswer& answer) {
  return {.prompt_tokens = answer.usage.prompt_tokens,
          .completion_tokens = answer.usage.completion_tokens,
          .cached_tokens = answer.usage.cached_tokens};
}

}  // namespace weir::serve
