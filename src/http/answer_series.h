#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "weir/base/metrics.h"

namespace weir::http {

/// What is measured of answers, by route and status. A series is made by the first answer that it
/// counts, and kept. Thread-safe.
class AnswerSeries {
 public:
  /// `metrics` outlives it.
  explicit AnswerSeries(Registry& metrics) : metrics_(metrics) {}

  /// `route`: static text. `seconds`: from the request's header to the answer's end.
  void answered(std::string_view route, int status, double seconds);

 private:
  struct Series {
    Counter answers;
    Histogram seconds;  // of the route, whatever the status
  };
  Series make(std::string_view route, int status) const;

  Registry& metrics_;
  std::mutex mutex_;  // guards series_
  std::map<std::pair<std::string_view, int>, Series> series_;
};

}  // namespace weir::http
