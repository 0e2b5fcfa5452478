#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "weir/serve/service.h"

namespace weir::api {

/// What a stream can tell its client while its request waits: a comment at once, then when its
/// place or the predicted end of its wait has changed noticeably, at most one a second, and one in
/// an eighth of its wait. Used by one thread.
class WaitingNotes {
 public:
  /// Whether to ask the generation where it stands.
  bool due(TimePoint now) const { return now >= next_; }
  TimePoint next_look() const { return next_; }
  /// `waiting place=3 wait_ms=420 line=gate`, or nothing.
  std::string note(const std::optional<serve::Standing>& standing, TimePoint now);

 private:
  /// From this look to the next.
  std::chrono::milliseconds pause(const std::optional<serve::Standing>& standing) const;
  bool is_news(const serve::Standing& standing, TimePoint now) const;

  TimePoint next_{};  // no look before it
  bool looked_ = false;
  std::optional<serve::Standing> said_;
  TimePoint ends_{};  // the wait, as said
};

}  // namespace weir::api
