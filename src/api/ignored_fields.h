#pragma once

#include <mutex>
#include <set>
#include <string>

#include "api/codec/unknown_fields.h"
#include "weir/base/metrics.h"

namespace weir::api {

/// Counts the ignored fields of requests, and logs each of the first 100 names once. Thread-safe.
class IgnoredFields {
 public:
  explicit IgnoredFields(Registry& metrics)
      : count_(metrics.counter("weir_http_ignored_fields_total",
                               "Fields of requests that are not known and were ignored.")) {}

  void note(const UnknownFields& unknown);

 private:
  /// Whether the name gets a log line.
  bool is_new(const std::string& name);

  const Counter count_;
  std::mutex mutex_;
  std::set<std::string> names_;
};

}  // namespace weir::api
