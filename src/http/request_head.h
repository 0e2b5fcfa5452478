#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "http/head_lines.h"

namespace weir::http {

/// Looks for the end of a request's header in the bytes that have come so far, and refuses it as
/// soon as a line of it is wrong or it goes over a limit: a line of 8 KiB, 100 fields, 64 KiB in
/// all. Used by one thread.
class RequestHead {
 public:
  enum class State : uint8_t { partial, complete, refused };

  /// `bytes` begin with the request line, and with each call there are more of them.
  State look(std::string_view bytes);
  /// REQUIRES: look() said `refused`.
  const WireFault& fault() const { return *fault_; }

 private:
  State end_line(std::string_view line);
  State refuse(int status, std::string message);

  size_t line_ = 0;    // where the line begins that is not complete yet
  size_t looked_ = 0;  // bytes before it hold no end of that line
  size_t lines_ = 0;
  FieldLines fields_;
  std::optional<WireFault> fault_;
};

}  // namespace weir::http
