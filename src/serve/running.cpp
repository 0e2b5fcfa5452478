#include "running.h"

#include <algorithm>
#include <utility>

namespace weir::serve {

using std::chrono::milliseconds;

RunningRequest::RunningRequest(Ticket ticket, Admitted admitted, Size size, const Clock& clock)
    : clock_(clock),
      ticket_(std::move(ticket)),
      account_(std::move(admitted.permit), size.requests),
      bell_(std::move(admitted.bell)),
      queued_at_(admitted.queued_at),
      readers_(std::move(admitted.readers)),
      size_(size) {}

RunningRequest::Size RunningRequest::size_of(const std::vector<RequestRow>& rows) {
  Size size{.requests = requests_in(rows), .rows = rows.size()};
  for (const RequestRow& row : rows) size.tokens += row.input_tokens();
  return size;
}

Result<std::optional<Delta>> RunningRequest::next(milliseconds limit) {
  if (error_) return *error_;
  if (ended_) return std::optional<Delta>();
  const TimePoint until = clock_.now() + limit;
  for (bool waits = true;;) {
    const TimePoint now = clock_.now();
    if (ticket_.deadline && now >= *ticket_.deadline) {
      leave(Code::deadline);  // counts what has come
      return end_with(deadline_passed(ticket_, completion_tokens()));
    }
    bell_->silence();
    auto delta = look();
    if (!delta) return fail(std::move(delta.error()));
    if (*delta || !waits) return delta;
    TimePoint wake = until;
    if (ticket_.deadline) wake = std::min(wake, *ticket_.deadline);
    if (wake <= now) return std::optional<Delta>();
    waits = bell_->wait(std::chrono::ceil<milliseconds>(wake - now));
  }
}

Result<std::optional<Delta>> RunningRequest::fail(Error error) {
  leave(error.code);
  return end_with(std::move(error));
}

Error RunningRequest::end_with(Error error) {
  error_ = std::move(error);
  end(finish_word(error_->code));
  return *error_;
}

void RunningRequest::end(std::string_view finish) {
  ended_ = true;
  const Usage usage = this->usage();
  note_end(ticket_, size_.rows, usage, finish);
  account_.settle(ticket_, usage, error_ ? std::optional(error_->code) : std::nullopt);
}

std::optional<PlaceInLine> RunningRequest::standing() {
  if (ended_ || begun()) return std::nullopt;
  // The forecast is that of a request that would come now, so it also counts those that came after
  // this one. It is at least this one's place, and falls as the line moves.
  const auto last =
      ticket_.model->served.queue->forecast_waiting(ticket_.asker(), size_.tokens, size_.rows);
  const size_t most = last.position + 1;
  place_ = std::min(place_, most);
  return PlaceInLine{.line = PlaceInLine::Which::queue,
                     .place = place_,
                     .wait = last.wait * static_cast<int64_t>(place_) / static_cast<int64_t>(most)};
}

}  // namespace weir::serve
