#include "app/given.h"

#include <algorithm>
#include <array>

#include "app/foreign_flags.h"
#include "app/words.h"

namespace weir::app {
namespace {

Error wrong(const Setting& setting, const std::string& origin, const Error& reason) {
  return invalid(setting.name + " (" + origin + "): " + reason.message, setting.name);
}

Result<GivenValue> checked(const Setting& setting, const std::string& text,
                           const std::string& origin) {
  auto value = parse_value(setting, text);
  if (!value) return wrong(setting, origin, value.error());
  return GivenValue{std::move(*value), origin};
}

std::vector<std::string> split(const std::string& text, char between) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (start <= text.size()) {
    size_t end = std::min(text.find(between, start), text.size());
    if (end > start) parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

GivenValue fallback_of(const Setting& setting) {
  // The table's defaults are valid; a test checks it.
  return {*parse_value(setting, setting.fallback), "default"};
}

}  // namespace

Result<Given> given_by_flags(const std::map<std::string, std::vector<std::string>>& flags) {
  Given given;
  for (const Setting& setting : settings()) {
    auto found = flags.find(setting.name);
    if (found == flags.end() || found->second.empty()) continue;
    std::string origin = "flag --" + setting.name;
    if (setting.kind == Kind::list) {
      given[setting.name] = {found->second, origin};
      continue;
    }
    if (setting.refuses_empty_flag && found->second.back().empty())
      return wrong(setting, origin, invalid("it is empty; leave the flag out or give a value"));
    auto value = checked(setting, found->second.back(), origin);
    if (!value) return value.error();
    given[setting.name] = std::move(*value);
  }
  return given;
}

Result<Given> given_by_environment(const std::function<const char*(const std::string&)>& variable) {
  Given given;
  for (const Setting& setting : settings()) {
    const char* text = variable(setting.variable());
    if (text == nullptr || *text == '\0') continue;
    std::string origin = "env " + setting.variable();
    if (setting.kind == Kind::list) {
      given[setting.name] = {split(text, ';'), origin};
      continue;
    }
    auto value = checked(setting, text, origin);
    if (!value) return value.error();
    given[setting.name] = std::move(*value);
  }
  return given;
}

Resolved resolve(const std::vector<Given>& sources) {
  Resolved resolved;
  for (const Setting& setting : settings()) {
    auto has = [&](const Given& source) { return source.contains(setting.name); };
    auto source = std::find_if(sources.begin(), sources.end(), has);
    GivenValue given = source != sources.end() ? source->at(setting.name) : fallback_of(setting);
    setting.apply(resolved.config, given.value);
    resolved.decided.push_back({&setting, std::move(given)});
  }
  return resolved;
}

std::string about_no_setting(const std::string& name) {
  const std::string what = "there is no such setting";
  if (auto foreign = foreign_flag("--" + name)) return what + "; " + std::string(foreign->answer);
  std::string dashed = name;
  std::ranges::replace(dashed, '_', '-');
  std::vector<std::string> names;
  for (const Setting& setting : settings()) names.push_back(setting.name);
  if (const std::string* meant = meant_by(dashed, names))
    return what + "; did you mean " + *meant + "?";
  return what + "; `weir check` prints them all";
}

std::string about_unknown(const std::string& variable) {
  std::vector<std::string> variables = {"WEIR_CONFIG"};
  for (const Setting& setting : settings()) variables.push_back(setting.variable());
  const std::string* meant = meant_by(variable, variables);
  return variable + " is no setting and does nothing" +
         (meant ? "; did you mean " + *meant + "?" : "");
}

std::vector<std::string> unknown_variables(const char* const* environment) {
  // WEIR_CONFIG names the file; WEIR_CPU forces an instruction set.
  constexpr std::array<std::string_view, 2> kOthers{"WEIR_CONFIG", "WEIR_CPU"};
  std::vector<std::string> unknown;
  for (; *environment != nullptr; ++environment) {
    std::string name(*environment);
    name.resize(std::min(name.find('='), name.size()));
    if (!name.starts_with("WEIR_")) continue;
    auto is_it = [&](const Setting& setting) { return setting.variable() == name; };
    bool known = std::any_of(settings().begin(), settings().end(), is_it) ||
                 std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end();
    if (!known) unknown.push_back(name);
  }
  return unknown;
}

}  // namespace weir::app
