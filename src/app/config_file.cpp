#include <toml++/toml.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/given.h"
#include "weir/base/access.h"

namespace weir::app {
namespace {

const Setting* find(std::string_view name) {
  for (const Setting& setting : settings()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

/// The text of a TOML value that has the right type for its setting. Errors: what is allowed.
Result<std::string> text_of(const Setting& setting, const toml::node& node) {
  const bool wants_whole =
      setting.kind == Kind::whole || setting.kind == Kind::bytes || setting.kind == Kind::duration;
  const bool wants_text = setting.kind != Kind::whole && setting.kind != Kind::toggle;
  if (const auto* whole = node.as_integer(); whole != nullptr && wants_whole) {
    return std::to_string(whole->get());
  }
  const auto* text = node.as_string();
  const bool is_auto = setting.has_auto && text != nullptr && text->get() == "auto";
  if (text != nullptr && (wants_text || is_auto)) return text->get();
  if (const auto* toggle = node.as_boolean(); toggle != nullptr && setting.kind == Kind::toggle) {
    return std::string(toggle->get() ? "true" : "false");
  }
  std::ostringstream value;
  value << toml::node_view<const toml::node>(node);
  return invalid(value.str() + " is not " + setting.allowed());
}

Result<Value> list_of(const Setting& setting, const toml::node& node) {
  std::vector<std::string> texts;
  const toml::array* list = node.as_array();
  bool good = list != nullptr;
  for (size_t i = 0; good && i < list->size(); ++i) {
    const auto* text = (*list)[i].as_string();
    good = text != nullptr;
    if (good) texts.push_back(text->get());
  }
  if (good) return Value(std::move(texts));
  std::ostringstream value;
  value << toml::node_view<const toml::node>(node);
  return invalid(value.str() + " is not " + setting.allowed());
}

Result<Value> value_of(const Setting& setting, const toml::node& node) {
  if (setting.kind == Kind::list) return list_of(setting, node);
  auto text = text_of(setting, node);
  if (!text) return text.error();
  return parse_value(setting, *text);
}

std::string at_line(const std::string& name, const toml::source_region& source) {
  return name + ":" + std::to_string(source.begin.line);
}

Result<Given> read(const toml::table& table, const std::string& name) {
  Given given;
  for (const auto& [key, node] : table) {
    std::string origin = at_line(name, key.source());
    const Setting* setting = find(key.str());
    if (setting == nullptr) {
      return invalid(std::string(key.str()) + " (" + origin +
                     "): " + about_no_setting(std::string(key.str())));
    }
    auto value = value_of(*setting, node);
    if (!value) {
      return invalid(setting->name + " (" + origin + "): " + value.error().message, setting->name);
    }
    given[setting->name] = {std::move(*value), origin};
  }
  return given;
}

}  // namespace

Result<Given> given_by_file(std::string_view toml, const std::string& name) {
  try {
    return read(toml::parse(toml, name), name);
  } catch (const toml::parse_error& error) {
    return invalid(at_line(name, error.source()) + ": " + std::string(error.description()));
  }
}

Result<Given> given_by_file_at(const std::string& path) {
  std::ifstream file(path);
  if (!file || std::filesystem::is_directory(path)) {
    return invalid("config \"" + path +
                   "\" cannot be read: " + reason_of(file ? EISDIR : errno, path));
  }
  std::ostringstream text;
  text << file.rdbuf();
  return given_by_file(text.str(), path);
}

}  // namespace weir::app
