#include "api/openapi/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <string>

#include "api/answer/answer_error.h"
#include "api/schema/route_schema.h"

namespace weir::api {
namespace {

constexpr int kTooSlow = 408, kNoLength = 411;
constexpr int64_t kDay = 86'400'000;  // ms

constexpr const char* kAbout =
    "OpenAI's published shapes first; where OpenAI is silent, vLLM's names. HEAD works wherever "
    "GET does. A field of a body that is not known is ignored, and named in the answer's header "
    "x-weir-ignored; null is the same as absent. Requests that are wrong by the letter of HTTP "
    "are also answered 400, 405, 408, 411, 414, 431 or 505, with the body of any other error.";

const std::map<int, const char*>& reasons() {
  static const std::map<int, const char*> kReasons{
      {400, "The request is wrong; param names the field."},
      {401, "No key, or one that is not known."},
      {403, "The key may not do this, or a foreign web page may have sent it."},
      {404, "There is no such thing, or the key may not see it."},
      {408, "The body came too slowly."},
      {411, "The request says nothing of its body's length."},
      {413, "The body is too large."},
      {415, "The body is no JSON in UTF-8 by its Content-Type."},
      {429, "A limit; Retry-After says when to come again."},
      {500, "A fault of the server's."},
      {503, "Too much waits, or the server or model is loading or leaving; Retry-After."},
      {504, "The request's own deadline has passed."}};
  return kReasons;
}

std::string component_of(const Dialect& dialect) { return std::string(dialect.name) + "Error"; }

std::set<int> error_statuses(const Route& route, const Api& api) {
  const RouteSchema& schema = *route.schema;
  std::set<Code> codes(schema.errors.begin(), schema.errors.end());
  codes.insert(Code::invalid_argument);
  if (!api.service.wants_key()) codes.insert(Code::permission_denied);
  if (route.access != Access::open) codes.insert(Code::overloaded);
  if (route.access == Access::work) codes.insert(Code::unavailable);
  if (route.access != Access::open && api.service.wants_key()) codes.insert(Code::unauthenticated);
  std::set<int> statuses;
  if (schema.request) {
    codes.insert({Code::too_large, Code::unsupported_media, Code::internal, Code::deadline});
    statuses = {kTooSlow, kNoLength};
  }
  for (const Code code : codes) statuses.insert(status_of(Error{.code = code}, api));
  return statuses;
}

Json parameter(const char* in, const schema::Field& field) {
  Json schema = field.schema;
  if (!field.by_default.is_null()) schema["default"] = field.by_default;
  Json parameter{{"name", field.name}, {"in", in}};
  if (field.required) parameter["required"] = true;
  if (*field.description) parameter["description"] = field.description;
  parameter["schema"] = std::move(schema);
  return parameter;
}

schema::FieldList header_fields(const Route& route) {
  schema::FieldList fields{{.name = "x-request-id",
                            .schema = schema::text(),
                            .description = "The client's own id: 1 to 128 of A-Z a-z 0-9 _ . : -"}};
  if (route.access == Access::open) return fields;
  fields.push_back({.name = "x-weir-max-wait-ms",
                    .schema = schema::integer(0, kDay),
                    .description = "How long the request may wait for its limits."});
  fields.push_back({.name = "x-weir-deadline-ms",
                    .schema = schema::integer(1, kDay),
                    .description = "The request's own deadline."});
  fields.push_back({.name = "x-weir-notes",
                    .schema = schema::choice({"waiting"}),
                    .description = "A stream that waits says where it stands."});
  if (route.dry_run)
    fields.push_back({.name = "x-weir-dry-run",
                      .schema = schema::flag(),
                      .description = "Say what the request would cost, and run nothing."});
  return fields;
}

Json parameters(const Route& route) {
  Json list = Json::array();
  if (route.path.ends_with("{id}"))
    list.push_back(parameter("path", {.name = "id",
                                      .schema = schema::text(1),
                                      .description = "A served name.",
                                      .required = true}));
  if (route.schema->query)
    for (const schema::Field& field : route.schema->query())
      list.push_back(parameter("query", field));
  for (const schema::Field& field : header_fields(route))
    list.push_back(parameter("header", field));
  return list;
}

// The schema of a stream's event. Its data is JSON as text, or the end mark.
Json event(const RouteSchema& route) {
  Json data = schema::text();
  data["contentMediaType"] = "application/json";
  data["contentSchema"] = route.event();
  return schema::request({{.name = "data",
                           .schema = schema::any_of({schema::only("[DONE]"), std::move(data)}),
                           .required = true}});
}

Json content(const RouteSchema& route) {
  Json content = Json::object();
  if (route.answer) content["application/json"] = {{"schema", route.answer()}};
  if (route.event) content["text/event-stream"] = {{"schema", event(route)}};
  if (route.text_type)
    content[route.text_type] = {{"schema", schema::described(schema::text(), route.text)}};
  return content;
}

Json response(const char* description, Json content) {
  Json response{{"description", description}};
  response["headers"]["x-request-id"] = {{"required", true}, {"schema", schema::text(1, 128)}};
  response["content"] = std::move(content);
  return response;
}

Json responses(const Route& route, const Api& api) {
  Json all = Json::object();
  all["200"] = response("The answer.", content(*route.schema));
  Json error = Json::object();
  error["application/json"] = {{"schema", schema::reference(component_of(*route.dialect))}};
  for (const int status : error_statuses(route, api))
    all[std::to_string(status)] = response(reasons().at(status), error);
  if (route.schema->answers_503) all["503"] = response("Bad news.", content(*route.schema));
  return all;
}

// An open route wants no key. If the service wants no key, no route does.
Json security(const Route& route, const Api& api) {
  Json list = Json::array();
  if (route.access == Access::open) return list;
  if (!api.service.wants_key()) list.push_back(Json::object());
  Json key = Json::object();
  key[std::string(route.dialect->name)] = Json::array();
  list.push_back(std::move(key));
  return list;
}

Json security_scheme(const Dialect& dialect) {
  if (dialect.secret_scheme.empty())
    return {{"type", "apiKey"}, {"in", "header"}, {"name", dialect.secret_header}};
  std::string scheme(dialect.secret_scheme);
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return {{"type", "http"}, {"scheme", std::move(scheme)}};
}

// "post_v1_models_id"
std::string operation_id(const Route& route) {
  std::string id;
  for (const char c : fmt::format("{}{}", route.method, route.path))
    if (std::isalnum(static_cast<unsigned char>(c)))
      id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (c != '}' && id.back() != '_')
      id += '_';
  return id;
}

Json operation(const Route& route, const Api& api) {
  const RouteSchema& schema = *route.schema;
  Json operation{{"operationId", operation_id(route)}, {"summary", schema.summary}};
  if (*schema.description) operation["description"] = schema.description;
  operation["security"] = security(route, api);
  operation["parameters"] = parameters(route);
  if (schema.request) {
    Json body{{"schema", schema.request()}};
    if (schema.example) body["example"] = Json::parse(schema.example);
    operation["requestBody"]["required"] = true;
    operation["requestBody"]["content"]["application/json"] = std::move(body);
  }
  operation["responses"] = responses(route, api);
  return operation;
}

}  // namespace

Json openapi_document(std::span<const Route> routes, const Api& api) {
  Json document{
      {"openapi", "3.1.0"},
      {"info", {{"title", "weir"}, {"version", api.options.version}, {"description", kAbout}}}};
  Json& paths = document["paths"] = Json::object();
  Json schemas = Json::object(), secrets = Json::object();
  for (const Route& route : routes) {
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    paths[std::string(route.path)][method] = operation(route, api);
    schemas[component_of(*route.dialect)] = Json::parse(route.dialect->error_schema);
    secrets[std::string(route.dialect->name)] = security_scheme(*route.dialect);
  }
  document["components"]["schemas"] = std::move(schemas);
  document["components"]["securitySchemes"] = std::move(secrets);
  return document;
}

const Documents::Document& Documents::now(const Api& api) {
  const size_t which = api.service.wants_key() ? 1 : 0;
  std::call_once(made_[which], [&] {
    Json json = openapi_document(routes(), api);
    std::string text = json.dump();
    documents_[which] = {std::move(json), std::move(text)};
  });
  return documents_[which];
}

}  // namespace weir::api
