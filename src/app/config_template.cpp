#include "app/config_template.h"

#include <nlohmann/json.hpp>

#include "app/setting.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNumber = "[0-9]+([.][0-9]{1,6})?";

Json fallback_json(const Setting& setting) {
  switch (setting.kind) {
    case Kind::list:
      return Json::array();
    case Kind::toggle:
      return setting.fallback == "true";
    case Kind::whole:
      if (setting.has_auto && setting.fallback == "auto") return setting.fallback;
      return std::stoll(setting.fallback);
    default:
      return setting.fallback;
  }
}

Json schema_of(const Setting& setting) {
  Json schema{{"description", setting.help}, {"default", fallback_json(setting)}};
  switch (setting.kind) {
    case Kind::list:
      schema["type"] = "array";
      schema["items"] = {{"type", "string"}};
      break;
    case Kind::toggle:
      schema["type"] = "boolean";
      break;
    case Kind::whole:
      schema["type"] = "integer";
      if (setting.has_auto) {
        schema["type"] = {"string", "integer"};
        schema["pattern"] = "^auto$";  // of the string
      }
      schema["minimum"] = setting.least;
      schema["maximum"] = setting.most;
      break;
    case Kind::choice:
      schema["enum"] = setting.choices;
      break;
    case Kind::bytes: {
      const std::string size = std::string(kNumber) + "( ?([kKmMgGtT][iI]?[bB]?|[bB]))?";
      schema["type"] = {"string", "integer"};
      schema["pattern"] = "^(" + (setting.has_auto ? "auto|" + size : size) + ")$";
      break;
    }
    case Kind::duration:
      schema["type"] = {"string", "integer"};
      schema["pattern"] = std::string("^") + kNumber +
                          "( ?(us|microseconds?|ms|msec|milliseconds?|s|secs?|seconds?|m|mins?|"
                          "minutes?|h|hrs?|hours?|d|days?))?$";
      break;
    case Kind::text:
    case Kind::secret:
      schema["type"] = "string";
      break;
  }
  return schema;
}

}  // namespace

std::string config_template() {
  // Editors read the first line: it names the schema.
  std::string text =
      "#:schema ./weir.schema.json\n"
      "# Every setting of `weir serve` with its default. Read only if named: --config FILE or "
      "WEIR_CONFIG.\n"
      "# A flag (--port) goes before the environment (WEIR_PORT), the environment before this "
      "file.\n"
      "# `weir check --config FILE` prints what it all comes to.\n";
  for (const Setting& setting : settings()) {
    text += "\n# " + setting.help + "\n";
    bool plain = setting.kind == Kind::text || setting.kind == Kind::secret;
    if (!plain) text += "# Allowed: " + setting.allowed() + ".\n";
    // TOML writes these values as JSON does.
    text += setting.name + " = " + fallback_json(setting).dump() + "\n";
  }
  return text;
}

std::string config_schema() {
  Json properties = Json::object();
  for (const Setting& setting : settings()) properties[setting.name] = schema_of(setting);
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", "weir.toml"},
              {"type", "object"},
              {"additionalProperties", false},
              {"properties", std::move(properties)}};
  return schema.dump(2) + "\n";
}

}  // namespace weir::app
