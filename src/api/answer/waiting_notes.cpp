#include "api/answer/waiting_notes.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::api {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetween{250}, kBetweenLater{1000}, kBetweenAtMost{15'000};
// A client that waits for long is told less often: the time between two comments is at least the
// wait divided by this.
constexpr int kSilentPart = 8;
// A prediction may change by this part of the wait that is left without a new comment.
constexpr int kNoticeablePercent = 20;

}  // namespace

std::string WaitingNotes::note(const std::optional<serve::PlaceInLine>& standing, TimePoint now) {
  next_ = now + pause(standing);
  const bool first = !looked_;
  looked_ = true;
  if (!standing) return {};
  // A short wait in the queue is not worth a comment: most requests pass the queue within
  // milliseconds.
  const bool passing =
      standing->line == serve::PlaceInLine::Which::queue && standing->wait < kBetween;
  if (first && passing) return {};
  if (!is_news(*standing, now)) return {};
  said_ = standing;
  ends_ = now + standing->wait;
  return fmt::format("waiting place={} wait_ms={} line={}", standing->place, standing->wait.count(),
                     standing->line == serve::PlaceInLine::Which::gate ? "gate" : "queue");
}

milliseconds WaitingNotes::pause(const std::optional<serve::PlaceInLine>& standing) const {
  if (!said_) return kBetween;
  if (!standing) return kBetweenLater;
  return std::clamp(standing->wait / kSilentPart, kBetweenLater, kBetweenAtMost);
}

bool WaitingNotes::is_news(const serve::PlaceInLine& standing, TimePoint now) const {
  if (!said_ || said_->line != standing.line || said_->place != standing.place) return true;
  const auto moved = std::chrono::abs(now + standing.wait - ends_);
  return moved > std::max(kBetween, standing.wait * kNoticeablePercent / 100);
}

}  // namespace weir::api
