#include "api/schema/schema.h"

#include <iterator>
#include <utility>

namespace weir::api::schema {

Json integer(int64_t least, int64_t most) {
  return {{"type", "integer"}, {"minimum", least}, {"maximum", most}};
}
Json count() { return {{"type", "integer"}, {"minimum", 0}}; }
Json number(double least, double most) {
  return {{"type", "number"}, {"minimum", least}, {"maximum", most}};
}
Json any_number() { return {{"type", "number"}}; }
Json flag() { return {{"type", "boolean"}}; }

Json text(size_t least) {
  Json schema{{"type", "string"}};
  if (least > 0) schema["minLength"] = least;
  return schema;
}
Json text(size_t least, size_t most) {
  Json schema = text(least);
  schema["maxLength"] = most;
  return schema;
}
Json choice(std::vector<std::string> of) { return {{"type", "string"}, {"enum", std::move(of)}}; }
Json only(Json value) {
  Json schema = Json::object();
  schema["const"] = std::move(value);
  return schema;
}
Json null() { return {{"type", "null"}}; }

Json list(Json item) {
  Json schema{{"type", "array"}};
  schema["items"] = std::move(item);
  return schema;
}
Json list(Json item, size_t least) {
  Json schema = list(std::move(item));
  if (least > 0) schema["minItems"] = least;
  return schema;
}
Json list(Json item, size_t least, size_t most) {
  Json schema = list(std::move(item), least);
  schema["maxItems"] = most;
  return schema;
}
Json any_of(std::vector<Json> schemas) {
  Json schema = Json::object();
  schema["anyOf"] = std::move(schemas);
  return schema;
}
Json any_object() { return {{"type", "object"}}; }
Json empty_object() {
  Json schema = any_object();
  schema["additionalProperties"] = null();
  return schema;
}

Json or_null(Json schema) {
  const bool is_plain =
      schema.contains("type") && schema["type"].is_string() && !schema.contains("enum");
  if (is_plain && schema["type"] == "null") return schema;
  if (is_plain) {
    schema["type"] = Json::array({schema["type"], "null"});
    return schema;
  }
  return any_of({std::move(schema), null()});
}

Json reference(const std::string& component) {
  return {{"$ref", "#/components/schemas/" + component}};
}

Json described(Json schema, const char* description) {
  if (*description) schema["description"] = description;
  return schema;
}

FieldList joined(std::vector<FieldList> lists) {
  FieldList all;
  for (FieldList& fields : lists) std::move(fields.begin(), fields.end(), std::back_inserter(all));
  return all;
}

namespace {

Json object(const FieldList& fields, bool optional_may_be_null) {
  Json properties = Json::object(), required = Json::array();
  for (const Field& field : fields) {
    const bool may_be_null = optional_may_be_null && !field.required;
    Json schema = described(may_be_null ? or_null(field.schema) : field.schema, field.description);
    if (!field.by_default.is_null()) schema["default"] = field.by_default;
    properties[field.name] = std::move(schema);
    if (field.required) required.push_back(field.name);
  }
  Json schema = any_object();
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

}  // namespace

Json request(const FieldList& fields) {
  Json schema = object(fields, true);
  schema["additionalProperties"] = true;
  return schema;
}

Json answer(const FieldList& fields) {
  Json schema = object(fields, false);
  schema["additionalProperties"] = false;
  return schema;
}

}  // namespace weir::api::schema
