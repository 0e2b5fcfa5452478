#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "http/head_lines.h"

namespace weir::http {

/// Looks for the end of a request's header in the bytes that have come so far. Refuses the header
/// as soon as a line is wrong or a limit is passed: 8 KiB in a line, 100 fields, 64 KiB in total.
/// Used by one thread.
class RequestHead {
 public:
  enum class State : uint8_t { partial, complete, refused };

  /// `bytes`: all that has come, from the request line on. Each call has more of them.
  State look(std::string_view bytes);
  /// REQUIRES: look() returned `refused`.
  const WireFault& fault() const { return *fault_; }

 private:
  State end_line(std::string_view line);
  State refuse(int status, std::string message);

  size_t line_ = 0;    // the beginning of the line that is not complete yet
  size_t looked_ = 0;  // no end of that line is before this index
  size_t lines_ = 0;
  FieldLines fields_;
  std::optional<WireFault> fault_;
};

}  // namespace weir::http
