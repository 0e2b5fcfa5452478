#pragma once

#include <fmt/format.h>

#include <regex>
#include <string>

#include "api/codec/json_reader.h"

namespace weir::api {

/// JSON Schema as far as src/api/schema uses it.
class SchemaCheck {
 public:
  /// `document`: whose components references name. Outlives it.
  explicit SchemaCheck(const Json& document) : document_(document) {}

  bool holds(const Json& schema, const Json& value) const {
    return violation(schema, value).empty();
  }

  /// Empty: none.
  std::string violation(const Json& schema, const Json& value) const {
    if (schema.contains("$ref")) return violation(referenced(schema["$ref"]), value);
    if (schema.contains("anyOf")) {
      std::string all;
      for (const Json& one : schema["anyOf"]) {
        const std::string why = violation(one, value);
        if (why.empty()) return {};
        all += why + "; ";
      }
      return all;
    }
    if (schema.contains("const") && !equal(schema["const"], value)) return wrong(schema, value);
    if (schema.contains("enum") && !is_among(schema["enum"], value)) return wrong(schema, value);
    if (schema.contains("type") && !has_type(schema["type"], value)) return wrong(schema, value);
    if (value.is_number()) return number(schema, value);
    if (value.is_string()) {
      const auto size = value.get<std::string>().size();
      return within(schema, "minLength", "maxLength", size) ? "" : wrong(schema, value);
    }
    if (value.is_array()) return array(schema, value);
    return value.is_object() ? object(schema, value) : "";
  }

 private:
  static std::string wrong(const Json& schema, const Json& value) {
    return fmt::format("{} is not {}", value.dump().substr(0, 200), schema.dump().substr(0, 200));
  }
  static bool equal(const Json& a, const Json& b) {
    return nlohmann::json(a) == nlohmann::json(b) && a.is_boolean() == b.is_boolean();
  }
  static bool is_among(const Json& values, const Json& value) {
    for (const Json& one : values)
      if (equal(one, value)) return true;
    return false;
  }
  static bool has_type(const Json& type, const Json& value) {
    if (type.is_array()) {
      for (const Json& one : type)
        if (has_type(one, value)) return true;
      return false;
    }
    if (type == "null") return value.is_null();
    if (type == "boolean") return value.is_boolean();
    if (type == "string") return value.is_string();
    if (type == "number") return value.is_number();
    if (type == "integer")
      return value.is_number() &&
             (!value.is_number_float() || value.get<double>() == std::floor(value.get<double>()));
    return type == "array" ? value.is_array() : value.is_object();
  }
  static bool within(const Json& schema, const char* least, const char* most, size_t size) {
    return size >= schema.value(least, size_t{0}) && size <= schema.value(most, SIZE_MAX);
  }
  static std::string number(const Json& schema, const Json& value) {
    const bool low = schema.contains("minimum") && value < schema["minimum"];
    const bool high = schema.contains("maximum") && value > schema["maximum"];
    return low || high ? wrong(schema, value) : "";
  }
  std::string array(const Json& schema, const Json& value) const {
    if (!within(schema, "minItems", "maxItems", value.size())) return wrong(schema, value);
    if (!schema.contains("items")) return {};
    for (const Json& item : value)
      if (auto why = violation(schema["items"], item); !why.empty()) return why;
    return {};
  }
  std::string object(const Json& schema, const Json& value) const {
    for (const Json& name : schema.value("required", Json::array()))
      if (!value.contains(name.get<std::string>())) return name.dump() + " is missing";
    for (const auto& [name, member] : value.items())
      if (auto why = violation(schema_of(schema, name), member); !why.empty())
        return name + ": " + why;
    return {};
  }
  static Json schema_of(const Json& schema, const std::string& name) {
    const Json properties = schema.value("properties", Json::object());
    if (properties.contains(name)) return properties[name];
    const Json patterns = schema.value("patternProperties", Json::object());
    for (const auto& [pattern, inner] : patterns.items())
      if (std::regex_search(name, std::regex(pattern))) return inner;
    const Json others = schema.value("additionalProperties", Json(true));
    if (others.is_object()) return others;
    return others == true ? Json::object() : Json{{"enum", Json::array()}};
  }
  const Json& referenced(const std::string& path) const {
    return document_.at(Json::json_pointer(path.substr(1)));
  }

  const Json& document_;
};

}  // namespace weir::api
