#pragma once

#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/serve/service.h"

namespace weir::api {

/// How a dialect writes a generation piece by piece. Each call appends to `out`. Used by one
/// thread.
class StreamForm {
 public:
  virtual ~StreamForm() = default;
  /// The body's Content-Type.
  virtual std::string_view type() const = 0;
  /// Writes what comes before the first delta.
  virtual void start(std::string& out) = 0;
  virtual void delta(std::string& out, const serve::Delta& delta) = 0;
  /// Writes the end of a body without an error.
  virtual void finish(std::string& out, const serve::Usage& usage) = 0;
  /// Writes the end of a body with an error.
  virtual void error(std::string& out, const Error& error) = 0;
  /// Writes a text that is no part of the answer: "ping".
  virtual void comment(std::string& out, std::string_view text) = 0;
};

}  // namespace weir::api
