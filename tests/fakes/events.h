#pragma once

#include <string>
#include <vector>

namespace weir::fakes {

/// The data of the events of a stream, in order; comments are left out.
inline std::vector<std::string> events(const std::string& body) {
  std::vector<std::string> found;
  for (size_t at = 0; at < body.size();) {
    const bool is_comment = body[at] == ':';
    size_t end = body.find(is_comment ? "\n" : "\n\n", at);
    if (end == std::string::npos) break;
    if (body.compare(at, 6, "data: ") == 0) found.push_back(body.substr(at + 6, end - at - 6));
    at = end + (is_comment ? 1 : 2);
  }
  return found;
}

}  // namespace weir::fakes
