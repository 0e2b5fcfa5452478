#include "text/added_tokens.h"

#include <charconv>
#include <map>
#include <set>

#include "text/template_files.h"

namespace weir::text {
namespace {

using nlohmann::json;

constexpr const char* kNamed[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                  "pad_token", "cls_token", "mask_token"};
constexpr const char* kLists[] = {"additional_special_tokens", "extra_special_tokens"};

/// A token's text. It is a string, or the `content` of an object.
std::string content_of(const json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (!token.is_object()) return {};
  const auto found = token.find("content");
  return found == token.end() || !found->is_string() ? "" : found->get<std::string>();
}

json as_object(const json& token) {
  return token.is_object() ? token : json{{"content", content_of(token)}};
}

/// Whether the fields of a token in added_tokens_decoder have the right types.
bool is_described(const json& token) {
  if (!token.is_object() || content_of(token).empty()) return false;
  for (const char* flag : {"special", "single_word", "lstrip", "rstrip", "normalized"})
    if (token.contains(flag) && !token[flag].is_boolean()) return false;
  return true;
}

/// Tokens by id, the lowest first.
using ById = std::map<int64_t, json>;

Result<ById> decoder_of(const json& decoder) {
  if (!decoder.is_object())
    return invalid("tokenizer_config.json: added_tokens_decoder is no object");
  ById tokens;
  for (const auto& [key, token] : decoder.items()) {
    int64_t id = 0;
    const auto [end, failure] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (failure != std::errc{} || end != key.data() + key.size() || id < 0 || !is_described(token))
      return invalid("tokenizer_config.json: added_tokens_decoder: \"" + key +
                     "\" is no id with a token");
    tokens[id] = token;
  }
  return tokens;
}

/// The named tokens and those of the lists, in their order.
std::vector<json> special_of(const json& config) {
  std::vector<json> tokens;
  const auto add = [&](const json& token) {
    if (!content_of(token).empty()) tokens.push_back(token);
  };
  for (const char* name : kNamed)
    if (config.contains(name)) add(config[name]);
  for (const char* name : kLists) {
    const auto found = config.find(name);
    if (found == config.end() || !(found->is_array() || found->is_object())) continue;
    for (const json& token : *found) add(token);
  }
  return tokens;
}

Result<ById> encoder_of(std::string_view text, const std::vector<json>& special) {
  const auto file = parse_object("added_tokens.json", text);
  if (!file) return file.error();
  std::set<std::string> names;
  for (const json& token : special) names.insert(content_of(token));
  ById tokens;
  for (const auto& [content, id] : file->items()) {
    if (!id.is_number_integer()) return invalid("added_tokens.json: \"" + content + "\" has no id");
    tokens[id.get<int64_t>()] = {{"content", content}, {"special", names.contains(content)}};
  }
  return tokens;
}

}  // namespace

Result<std::string> added_tokens_of(const TokenFiles& files) {
  auto config = parse_object("tokenizer_config.json", files.tokenizer_config);
  if (!config) return config.error();
  const auto decoder = config->find("added_tokens_decoder");
  const bool decides = decoder != config->end() && !decoder->is_null();
  if (!decides) {
    const auto map = parse_object("special_tokens_map.json", files.special_tokens_map);
    if (!map) return map.error();
    config->update(*map);
  }
  const std::vector<json> special = special_of(*config);
  const auto added = decides ? decoder_of(*decoder) : encoder_of(files.added_tokens, special);
  if (!added) return added.error();
  json result = {{"added", json::array()}, {"special", json::array()}};
  for (const auto& [id, token] : *added) result["added"].push_back(token);
  for (const json& token : special) {
    json object = as_object(token);
    // A string means the added token with this text and all its fields.
    if (token.is_string())
      for (const auto& [id, known] : *added)
        if (content_of(known) == token) object = known;
    result["special"].push_back(object);
  }
  return result.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace weir::text
