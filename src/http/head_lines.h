#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::http {

/// What is wrong with the bytes of a request, and the status for it.
struct WireFault {
  int status;
  std::string message;
};

/// The fault of a request's first line, which comes without its line end (RFC 9112 3). The status
/// is 505 for a version that is not supported, else 400.
std::optional<WireFault> fault_of_request_line(std::string_view line);

/// Checks the lines of one header in order, each without its line end (RFC 9112 5 and 6.3).
class FieldLines {
 public:
  std::optional<WireFault> fault_of(std::string_view line);

 private:
  std::optional<WireFault> fault_of_framing(std::string_view value);

  std::string name_;  // the name of the line before
  bool has_length_ = false, has_coding_ = false;
};

}  // namespace weir::http
