#include "stop_strings.h"

#include <algorithm>
#include <utility>

namespace weir::serve {
namespace {

std::vector<size_t> borders(const std::string& stop) {
  std::vector<size_t> border(stop.size() + 1, 0);
  size_t length = 0;
  for (size_t i = 1; i < stop.size(); ++i) {
    while (length > 0 && stop[i] != stop[length]) length = border[length];
    if (stop[i] == stop[length]) ++length;
    border[i + 1] = length;
  }
  return border;
}

}  // namespace

bool StopStrings::Matcher::step(char byte) {
  if (matched == stop.size()) matched = border[matched];
  while (matched > 0 && stop[matched] != byte) matched = border[matched];
  if (stop[matched] == byte) ++matched;
  return matched == stop.size();
}

StopStrings::StopStrings(const std::vector<std::string>& stops, bool include) : include_(include) {
  for (const std::string& stop : stops) matchers_.push_back({stop, borders(stop)});
}

StopStrings::Shown StopStrings::feed(std::string_view text, bool armed) {
  for (char byte : text) {
    held_.push_back(byte);
    const Matcher* found = nullptr;
    for (Matcher& matcher : matchers_)
      if (matcher.step(byte) && armed && (!found || matcher.stop.size() > found->stop.size()))
        found = &matcher;
    if (!found) continue;
    if (!include_) held_.resize(held_.size() - found->stop.size());
    return {flush(), found->stop};
  }
  size_t keep = 0;
  for (const Matcher& matcher : matchers_) {
    // A whole match that did not stop (not armed) can go on only as its border.
    const size_t matched =
        matcher.matched == matcher.stop.size() ? matcher.border[matcher.matched] : matcher.matched;
    keep = std::max(keep, matched);
  }
  std::string shown = held_.substr(0, held_.size() - keep);
  held_.erase(0, shown.size());
  return {std::move(shown), std::nullopt};
}

std::string StopStrings::flush() { return std::exchange(held_, {}); }

}  // namespace weir::serve
