#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "weir/base/result.h"
#include "weir/traffic/intake.h"

namespace weir::traffic {

/// The bytes of held bodies, by client. Not thread-safe.
class IntakeRoom {
 public:
  explicit IntakeRoom(const IntakeOptions& options) : options_(options) {}

  struct Change {
    size_t from = 0, to = 0;  // bytes of one request
  };
  /// Lets a request hold more than before. Errors: overloaded; then nothing changes.
  Result<void> grow(const std::string& client, Change change);
  void give_back(const std::string& client, size_t bytes);
  size_t bytes() const { return bytes_; }

 private:
  bool fits(size_t held, Change change) const;

  const IntakeOptions& options_;
  std::map<std::string, size_t> clients_;
  size_t bytes_ = 0;
};

}  // namespace weir::traffic
