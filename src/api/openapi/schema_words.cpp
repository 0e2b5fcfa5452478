#include "api/openapi/schema_words.h"

#include <fmt/format.h>

#include <string_view>

namespace weir::api {
namespace {

std::string joined(const Json& list, std::string_view between, std::string (*words)(const Json&)) {
  std::string all;
  for (const Json& each : list) {
    if (!all.empty()) all += between;
    all += words(each);
  }
  return all;
}

std::string dumped(const Json& value) { return value.dump(); }

std::string shown(const Json& number) {
  return number.is_number_float() ? fmt::format("{}", number.get<double>()) : number.dump();
}

// ", 0 to 9", ", from 0", ", up to 9".
std::string range(const Json& schema, const char* least, const char* most, const char* unit) {
  const bool has_least = schema.contains(least), has_most = schema.contains(most);
  if (has_least && has_most)
    return fmt::format(", {} to {}{}", shown(schema[least]), shown(schema[most]), unit);
  if (has_least) return fmt::format(", {} or more{}", shown(schema[least]), unit);
  return has_most ? fmt::format(", at most {}{}", shown(schema[most]), unit) : "";
}

std::string of_type(const Json& schema, const std::string& type) {
  if (type == "string" && schema.contains("format")) return schema["format"].get<std::string>();
  if (type == "string") return "text" + range(schema, "minLength", "maxLength", " characters");
  if (type == "array") {
    const std::string items = schema.contains("items") ? schema_words(schema["items"]) : "anything";
    return fmt::format("list of ({})", items) + range(schema, "minItems", "maxItems", " of them");
  }
  if (type == "object" && schema.contains("properties")) {
    std::string names;
    for (const auto& field : schema["properties"].items())
      names += (names.empty() ? "" : ", ") + field.key();
    return fmt::format("object {{{}}}", names);
  }
  if (type == "integer" || type == "number") return type + range(schema, "minimum", "maximum", "");
  return type;
}

}  // namespace

std::string schema_words(const Json& schema) {
  if (!schema.is_object()) return "anything";
  if (schema.contains("$ref")) {
    const std::string path = schema["$ref"];
    return path.substr(path.rfind('/') + 1);
  }
  if (schema.contains("const")) return schema["const"].dump();
  if (schema.contains("enum")) return joined(schema["enum"], ", ", dumped);
  if (schema.contains("anyOf")) return joined(schema["anyOf"], " or ", schema_words);
  if (!schema.contains("type")) return "anything";
  if (schema["type"].is_string()) return of_type(schema, schema["type"]);
  std::string words;
  for (const std::string type : schema["type"])
    words += (words.empty() ? "" : ", or ") + of_type(schema, type);
  return words;
}

}  // namespace weir::api
