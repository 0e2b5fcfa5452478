#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::http {

/// What is wrong with the bytes of a request, and the status that says so.
struct WireFault {
  int status;
  std::string message;
};

/// Of a request's first line, without its line end (RFC 9112 3): 505 for a version that is not
/// spoken, else 400.
std::optional<WireFault> fault_of_request_line(std::string_view line);

/// Of the lines of one header, each without its line end, in their order (RFC 9112 5 and 6.3).
class FieldLines {
 public:
  std::optional<WireFault> fault_of(std::string_view line);

 private:
  std::optional<WireFault> fault_of_framing(std::string_view value);

  std::string name_;  // of the line before
  bool has_length_ = false, has_coding_ = false;
};

}  // namespace weir::http
