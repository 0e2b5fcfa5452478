#include "text/file.h"

#include "weir/base/access.h"
#include "weir/base/file.h"

namespace weir::text {

Result<std::optional<std::string>> read_file(const std::string& path) {
  const auto there = is_there(path);
  if (!there) return there.error();
  if (!*there) return std::optional<std::string>();
  auto text = read_text_file(path);
  if (!text) return text.error();
  return std::optional<std::string>(*std::move(text));
}

}  // namespace weir::text
