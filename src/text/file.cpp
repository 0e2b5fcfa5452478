#include "text/file.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace weir::text {

Result<std::optional<std::string>> read_file(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::optional<std::string>();
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file || !content) {
    return Error{.code = Code::internal, .message = "cannot read " + path};
  }
  return std::optional<std::string>(std::move(content).str());
}

}  // namespace weir::text
