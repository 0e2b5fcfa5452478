#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "weir/serve/service.h"

namespace weir::api {

/// Comments that tell a stream's client where its request waits. The first one comes at once.
/// Others follow when the place or the predicted end of the wait has changed noticeably. There is
/// at most one comment in a second, and at most one in an eighth of the wait. Used by one thread.
class WaitingNotes {
 public:
  /// Whether it is time to ask the generation for its standing.
  bool due(TimePoint now) const { return now >= next_; }
  TimePoint next_look() const { return next_; }
  /// `waiting place=3 wait_ms=420 line=gate`, or nothing.
  std::string note(const std::optional<serve::PlaceInLine>& standing, TimePoint now);

 private:
  /// The time from this look to the next.
  std::chrono::milliseconds pause(const std::optional<serve::PlaceInLine>& standing) const;
  bool is_news(const serve::PlaceInLine& standing, TimePoint now) const;

  TimePoint next_{};  // the time of the next look
  bool looked_ = false;
  std::optional<serve::PlaceInLine> said_;
  TimePoint ends_{};  // the predicted end of the wait, as told
};

}  // namespace weir::api
