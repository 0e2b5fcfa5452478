#include "text/file.h"

#include <filesystem>

#include "weir/base/file.h"

namespace weir::text {

Result<std::optional<std::string>> read_file(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, ignored)))
    return std::optional<std::string>();
  auto text = read_text_file(path);
  if (!text) return text.error();
  return std::optional<std::string>(*std::move(text));
}

}  // namespace weir::text
