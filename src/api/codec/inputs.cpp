#include <fmt/format.h>

#include <limits>

#include "api/codec/parts.h"
#include "weir/base/excerpt.h"

namespace weir::api {
namespace {

[[noreturn]] void wrong_input(const Json& value, const std::string& path) {
  refuse(fmt::format(
             "{} must be a string, an array of strings, token ids or arrays of token ids, not {}",
             path, kind_of(value)),
         path, error_name::kInvalidType);
}

serve::Input read_input(const Json& value, const std::string& path) {
  if (value.is_string()) return serve::Text{.text = value.get<std::string>()};
  if (!value.is_array()) wrong_input(value, path);
  if (value.empty())
    refuse(fmt::format("{} must not be empty", path), path, error_name::kEmptyArray);
  return read_ids(value, path);
}

}  // namespace

serve::Ids read_ids(const Json& value, const std::string& path) {
  if (!value.is_array()) {
    refuse(fmt::format("{} must be an array of token ids, not {}", path, kind_of(value)), path,
           error_name::kInvalidType);
  }
  serve::Ids ids;
  ids.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    const Json& id = value[i];
    // The path is built only for an error, since a prompt may have a hundred thousand ids.
    bool plain =
        id.is_number_unsigned() && id.get<uint64_t>() <= std::numeric_limits<int32_t>::max();
    ids.push_back(static_cast<int32_t>(
        plain ? id.get<int64_t>()
              : integer_at(id, element(path, i), 0, std::numeric_limits<int32_t>::max())));
  }
  return ids;
}

bool is_list_of_inputs(const Json& value) {
  return value.is_array() && !value.empty() && !value[0].is_number();
}

std::vector<serve::Input> read_inputs(const Json& value, const std::string& path) {
  if (!value.is_array()) return {read_input(value, path)};
  if (value.empty())
    refuse(fmt::format("{} must not be empty", path), path, error_name::kEmptyArray);
  if (!is_list_of_inputs(value)) return {read_ids(value, path)};
  std::vector<serve::Input> inputs;
  inputs.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    inputs.push_back(read_input(value[i], element(path, i)));
  }
  return inputs;
}

std::optional<serve::Input> read_one_input(Fields& fields, const char* name) {
  const Json* value = fields.find(name);
  if (!value) return std::nullopt;
  if (value->is_string()) return serve::Text{.text = value->get<std::string>()};
  if (value->is_array()) return read_ids(*value, fields.path_of(name));
  const std::string path = fields.path_of(name);
  refuse(fmt::format("{} must be a string or token ids, not {}", path, kind_of(*value)), path,
         error_name::kInvalidType);
}

std::string read_model(Fields& fields) {
  auto model = fields.text("model");
  if (model && model->empty()) {
    refuse("model must not be empty", "model", error_name::kStringBelowMin);
  }
  return model.value_or("");
}

serve::Truncation read_truncation(Fields& fields) {
  serve::Truncation truncation{.truncate = fields.flag("truncate").value_or(false)};
  // As in vLLM, -1 means the model's own limit.
  constexpr const char* kCut = "truncate_prompt_tokens";
  const auto cut = fields.integer(kCut, -1, std::numeric_limits<int32_t>::max());
  if (cut == 0)
    refuse("truncate_prompt_tokens must be -1 or at least 1, not 0", kCut,
           error_name::kInvalidValue);
  if (cut == -1) truncation.truncate = true;
  if (cut && *cut > 0) truncation.tokens = static_cast<uint32_t>(*cut);
  return truncation;
}

bool read_encoding_format(Fields& fields) {
  const std::string format = fields.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64") {
    const std::string path = fields.path_of("encoding_format");
    refuse(fmt::format("{} is \"{}\"; the formats are float, base64", path, excerpt(format)), path,
           error_name::kInvalidValue);
  }
  return format == "base64";
}

std::optional<uint32_t> read_dimensions(Fields& fields) {
  const auto dimensions = fields.integer("dimensions", 1, std::numeric_limits<int32_t>::max());
  return dimensions ? std::optional(static_cast<uint32_t>(*dimensions)) : std::nullopt;
}

}  // namespace weir::api
