#include "text/template_files.h"

#include "weir/base/file.h"

namespace weir::text {

namespace {

using nlohmann::json;

std::optional<std::string> string_at(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

Result<std::optional<std::string>> default_of(const json& named) {
  std::string names;
  for (const json& entry : named) {
    if (!entry.is_object()) continue;
    const auto name = string_at(entry, "name");
    const auto source = string_at(entry, "template");
    if (!name || !source) continue;
    if (*name == "default") return source;
    names += (names.empty() ? "" : ", ") + *name;
  }
  return invalid("tokenizer_config.json: chat_template has no template named default, only: " +
                 names);
}

void add_special_tokens(const json& file, json& tokens) {
  constexpr std::string_view kSuffix = "_token";
  for (const auto& [key, value] : file.items()) {
    if (!key.ends_with(kSuffix)) continue;
    if (value.is_string()) tokens[key] = value;
    if (!value.is_object()) continue;
    if (const auto content = string_at(value, "content")) tokens[key] = *content;
  }
}

}  // namespace

Result<json> parse_object(std::string_view name, std::string_view text) {
  if (text.empty()) return json::object();
  if (auto checked = check_json_depth(text, std::string(name)); !checked) return checked.error();
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return invalid(std::string(name) + " is no JSON object");
  return parsed;
}

Result<std::optional<std::string>> template_of(std::string_view tokenizer_config) {
  const auto config = parse_object("tokenizer_config.json", tokenizer_config);
  if (!config) return config.error();
  const auto found = config->find("chat_template");
  if (found == config->end() || found->is_null()) return std::optional<std::string>();
  if (found->is_string()) return std::optional(found->get<std::string>());
  if (found->is_array()) return default_of(*found);
  return invalid("tokenizer_config.json: chat_template is neither a string nor a list");
}

Result<std::string> special_tokens_of(std::string_view tokenizer_config,
                                      std::string_view special_tokens_map) {
  const auto map = parse_object("special_tokens_map.json", special_tokens_map);
  if (!map) return map.error();
  const auto config = parse_object("tokenizer_config.json", tokenizer_config);
  if (!config) return config.error();
  json tokens = json::object();
  add_special_tokens(*map, tokens);
  add_special_tokens(*config, tokens);
  return tokens.dump();
}

}  // namespace weir::text
