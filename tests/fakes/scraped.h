#pragma once

#include <map>
#include <optional>
#include <sstream>
#include <string>

#include "weir/base/metrics.h"

namespace weir::fakes {

/// The value of `series` as /metrics shows it: `weir_requests_running{model="m"}`. Unset: there is
/// no such series.
inline std::optional<double> scraped(const Registry& metrics, const std::string& series) {
  std::istringstream lines(metrics.text());
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(series + ' ')) return std::stod(line.substr(series.size() + 1));
  return std::nullopt;
}

/// What the series of a family that have `label`, written as in /metrics, counted by the values of
/// `by`; without zeros.
inline std::map<std::string, double> scraped_by(const Registry& metrics, const std::string& family,
                                                const std::string& label, const std::string& by) {
  std::map<std::string, double> counts;
  std::istringstream lines(metrics.text());
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(family + '{') || line.find(label) == std::string::npos) continue;
    const size_t from = line.find(by + "=\"") + by.size() + 2;
    const double value = std::stod(line.substr(line.rfind(' ')));
    if (value > 0) counts[line.substr(from, line.find('"', from) - from)] += value;
  }
  return counts;
}

}  // namespace weir::fakes
