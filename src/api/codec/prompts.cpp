#include <fmt/format.h>

#include <limits>

#include "api/codec/parts.h"

namespace weir::api {
namespace {

[[noreturn]] void wrong_prompt(const Json& value, const std::string& path) {
  refuse(fmt::format(
             "{} must be a string, an array of strings, token ids or arrays of token ids, not {}",
             path, kind_of(value)),
         path, error_name::kInvalidType);
}

serve::Prompt read_prompt(const Json& value, const std::string& path) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) wrong_prompt(value, path);
  if (value.empty())
    refuse(fmt::format("{} must not be empty", path), path, error_name::kEmptyArray);
  return read_ids(value, path);
}

}  // namespace

std::vector<int32_t> read_ids(const Json& value, const std::string& path) {
  if (!value.is_array()) {
    refuse(fmt::format("{} must be an array of token ids, not {}", path, kind_of(value)), path,
           error_name::kInvalidType);
  }
  std::vector<int32_t> ids;
  ids.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    const Json& id = value[i];
    // The path is only built for what is wrong: a prompt may have a hundred thousand ids.
    bool plain =
        id.is_number_unsigned() && id.get<uint64_t>() <= std::numeric_limits<int32_t>::max();
    ids.push_back(static_cast<int32_t>(
        plain ? id.get<int64_t>()
              : integer_at(id, element(path, i), 0, std::numeric_limits<int32_t>::max())));
  }
  return ids;
}

bool is_list_of_prompts(const Json& value) {
  return value.is_array() && !value.empty() && !value[0].is_number();
}

std::vector<serve::Prompt> read_prompts(const Json& value, const std::string& path) {
  if (!value.is_array()) return {read_prompt(value, path)};
  if (value.empty())
    refuse(fmt::format("{} must not be empty", path), path, error_name::kEmptyArray);
  if (!is_list_of_prompts(value)) return {read_ids(value, path)};
  std::vector<serve::Prompt> prompts;
  prompts.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    prompts.push_back(read_prompt(value[i], element(path, i)));
  }
  return prompts;
}

}  // namespace weir::api
