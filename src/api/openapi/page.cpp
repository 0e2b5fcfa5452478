#include "api/openapi/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "api/openapi/schema_words.h"

namespace weir::api {
namespace {

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;"
    "color:#222;background:#fff}"
    "h2{margin:2.5rem 0 .3rem;font:600 1.1rem ui-monospace,monospace}h2 b{color:#0a5}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0}"
    "td,th{border-top:1px solid #ddd;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "code,pre{font:13px/1.45 ui-monospace,monospace}"
    "pre{background:#f4f4f4;padding:.6rem;overflow-x:auto;white-space:pre-wrap}"
    "pre.all{user-select:all}summary{cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#242424}"
    "td,th{border-color:#444}a{color:#8bf}}";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// The text as one word of a POSIX shell.
std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) c == '\'' ? out += R"('\'')" : out += c;
  return out += '\'';
}

std::string text_of(const Json& object, const char* name) {
  auto at = object.find(name);
  return at == object.end() ? "" : at->get<std::string>();
}

void append_row(std::string& out, const std::string& name, const Json& schema, bool required,
                const std::string& description) {
  out += fmt::format(
      "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", escaped(name),
      required ? " <b>required</b>" : "", escaped(schema_words(schema)),
      schema.contains("default") ? escaped(schema["default"].dump()) : "", escaped(description));
}

constexpr const char* kHeads =
    "<table><tr><th>{}</th><th>value</th><th>default</th><th></th></tr>\n";

void append_fields(std::string& out, const Json& schema) {
  if (schema.contains("anyOf")) {
    const char* between = "";
    for (const Json& one : schema["anyOf"]) {
      out += between;
      append_fields(out, one);
      between = "<p>or</p>\n";
    }
    return;
  }
  if (!schema.contains("properties")) return;
  out += fmt::format(fmt::runtime(kHeads), "field of the body");
  const Json required = schema.value("required", Json::array());
  for (const auto& field : schema["properties"].items()) {
    const bool must = std::find(required.begin(), required.end(), field.key()) != required.end();
    append_row(out, field.key(), field.value(), must, text_of(field.value(), "description"));
  }
  out += "</table>\n";
}

void append_parameters(std::string& out, const Json& parameters) {
  if (parameters.empty()) return;
  out += fmt::format(fmt::runtime(kHeads), "parameter");
  for (const Json& each : parameters)
    append_row(out, fmt::format("{} ({})", text_of(each, "name"), text_of(each, "in")),
               each["schema"], each.value("required", false), text_of(each, "description"));
  out += "</table>\n";
}

void append_responses(std::string& out, const Json& responses) {
  out += "<table><tr><th>status</th><th></th><th>body</th></tr>\n";
  for (const auto& [status, response] : responses.items()) {
    out += fmt::format("<tr><td>{}</td><td>{}</td><td>", status,
                       escaped(text_of(response, "description")));
    for (const auto& [type, media] : response["content"].items()) {
      const Json& schema = media["schema"];
      if (schema.contains("$ref") || text_of(schema, "type") == "string")
        out += fmt::format("<code>{}</code> {} {}<br>", escaped(type),
                           escaped(schema_words(schema)), escaped(text_of(schema, "description")));
      else
        out += fmt::format("<details><summary><code>{}</code></summary><pre>{}</pre></details>",
                           escaped(type), escaped(schema.dump(2)));
    }
    out += "</td></tr>\n";
  }
  out += "</table>\n";
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

struct Heading {
  std::string method, path;
};

std::string curl(const Heading& heading, const Json& operation, const std::string& base) {
  std::string command = "curl " + shell_word(base + heading.path);
  if (!operation["security"].empty() && !operation["security"][0].empty())
    command += " \\\n  -H \"Authorization: Bearer $WEIR_KEY\"";
  if (!operation.contains("requestBody")) return command;
  const Json& body = operation["requestBody"]["content"]["application/json"];
  if (!body.contains("example")) return command;
  return command + " \\\n  -H 'Content-Type: application/json' \\\n  -d " +
         shell_word(body["example"].dump());
}

void append_operation(std::string& out, const Heading& heading, const Json& operation,
                      const std::string& base) {
  out += fmt::format("<h2 id=\"{}\"><b>{}</b> {}</h2>\n<p>{} {}</p>\n",
                     escaped(text_of(operation, "operationId")), heading.method,
                     escaped(heading.path), escaped(text_of(operation, "summary")),
                     escaped(text_of(operation, "description")));
  out += fmt::format("<pre class=\"all\">{}</pre>\n", escaped(curl(heading, operation, base)));
  append_parameters(out, operation["parameters"]);
  if (operation.contains("requestBody"))
    append_fields(out, operation["requestBody"]["content"]["application/json"]["schema"]);
  append_responses(out, operation["responses"]);
}

}  // namespace

std::string docs_page(const Json& document, const std::string& base) {
  std::string list, operations;
  for (const auto& [path, methods] : document["paths"].items())
    for (const auto& [method, operation] : methods.items()) {
      const Heading heading{upper(method), path};
      list += fmt::format("<li><a href=\"#{}\"><code>{} {}</code></a> {}</li>\n",
                          escaped(text_of(operation, "operationId")), heading.method, escaped(path),
                          escaped(text_of(operation, "summary")));
      append_operation(operations, heading, operation, base);
    }
  std::string errors;
  for (const auto& [name, schema] : document["components"]["schemas"].items())
    errors += fmt::format("<h2 id=\"{0}\">{0}</h2>\n<pre>{1}</pre>\n", escaped(name),
                          escaped(schema.dump(2)));
  const Json& info = document["info"];
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>weir {0}</title>"
      "<style>{1}</style></head><body>\n<h1>weir {0}</h1>\n<p>{2}</p>\n"
      "<p>The same as OpenAPI: <a href=\"/openapi.json\">/openapi.json</a>. A click on a command "
      "selects it.</p>\n<ul>\n{3}</ul>\n{4}{5}</body></html>\n",
      escaped(text_of(info, "version")), kStyle, escaped(text_of(info, "description")), list,
      operations, errors);
}

}  // namespace weir::api
