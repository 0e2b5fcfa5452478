#include "stop_strings.h"

#include <utility>

namespace weir::serve {

StopStrings::StopStrings(std::shared_ptr<const StopTree> stops, bool include)
    : stops_(std::move(stops)), include_(include) {}

StopStrings::Shown StopStrings::feed(std::string_view text, bool armed) {
  for (char byte : text) {
    held_.push_back(byte);
    state_ = stops_->step(state_, byte);
    const std::string* found = armed ? stops_->stop_at(state_) : nullptr;
    if (!found) continue;
    if (!include_) held_.resize(held_.size() - found->size());
    return {flush(), *found};
  }
  std::string shown = held_.substr(0, held_.size() - stops_->open_bytes(state_));
  held_.erase(0, shown.size());
  return {std::move(shown), std::nullopt};
}

std::string StopStrings::flush() { return std::exchange(held_, {}); }

}  // namespace weir::serve
