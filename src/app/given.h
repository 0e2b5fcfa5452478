#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "app/setting.h"
#include "weir/base/result.h"

namespace weir::app {

/// A value as the user gave it, checked, and where: "flag --port", "env WEIR_PORT", "weir.toml:3",
/// "default".
struct GivenValue {
  Value value;
  std::string origin;
};

/// What the user said in one place, by name of the setting.
using Given = std::map<std::string, GivenValue>;

/// Flags by name of the setting, each as often as it was given. Errors: one line with name, value,
/// origin and what is allowed.
Result<Given> given_by_flags(const std::map<std::string, std::vector<std::string>>& flags);

/// `variable` looks one up; null or empty: not set. Lists are separated by ";".
Result<Given> given_by_environment(const std::function<const char*(const std::string&)>& variable);

/// Text of a TOML file; `name` is the file's, for messages. Unknown names are errors.
Result<Given> given_by_file(std::string_view toml, const std::string& name);
Result<Given> given_by_file_at(const std::string& path);

/// One line of the resolved result.
struct Decided {
  const Setting* setting;
  GivenValue given;
};

/// The frozen result: typed for the daemon, and as it came about for `weir check`.
struct Resolved {
  Config config;
  std::vector<Decided> decided;       // in the order of settings()
  std::vector<std::string> misspelt;  // variables that begin with WEIR_ and are no setting
};

/// The first of `sources` that has a setting decides, then the default.
Resolved resolve(const std::vector<Given>& sources);

/// Variables that begin with WEIR_ and are no setting: probably misspelt.
std::vector<std::string> unknown_variables(const char* const* environment);

/// A line about such a variable, with the one that is probably meant.
std::string about_unknown(const std::string& variable);

}  // namespace weir::app
