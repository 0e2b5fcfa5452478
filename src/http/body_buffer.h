#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "weir/base/result.h"
#include "weir/serve/service.h"

namespace weir::http {

/// A body that is being read. It takes room before it grows: all of it at once if its length is
/// announced, else step by step. Used by one thread.
class BodyBuffer {
 public:
  /// `preparation` may be null. Both outlive it.
  BodyBuffer(std::string& body, serve::Preparation* preparation)
      : body_(body), preparation_(preparation) {}

  /// `length` 0: not announced. Errors: overloaded.
  Result<void> expect(size_t length);
  /// False: there is no room, and refusal() says why.
  bool append(const char* data, size_t size);
  const std::optional<Error>& refusal() const { return refusal_; }

 private:
  Result<void> hold(size_t bytes);

  std::string& body_;
  serve::Preparation* const preparation_;
  size_t held_ = 0;
  std::optional<Error> refusal_;
};

}  // namespace weir::http
