#pragma once

#include <string>
#include <string_view>

namespace weir::http {

/// A client's bytes in a form for answers: at most 64 of them, each printable.
inline std::string shown(std::string_view bytes) {
  constexpr size_t kMost = 64;
  std::string text(bytes.substr(0, kMost));
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text + (bytes.size() > kMost ? "..." : "");
}

}  // namespace weir::http
