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

/// A checked value that the user gave, and its origin: "flag --port", "env WEIR_PORT",
/// "weir.toml:3", "default".
struct GivenValue {
  Value value;
  std::string origin;
};

/// What the user gave in one place, by name of the setting.
using Given = std::map<std::string, GivenValue>;

/// `flags`: by name of the setting, each with all its words. Errors: one line with name, value,
/// origin and what is allowed.
Result<Given> given_by_flags(const std::map<std::string, std::vector<std::string>>& flags);

/// `variable` returns a variable's value; null or empty: not set. Entries of lists are separated by
/// ";".
Result<Given> given_by_environment(const std::function<const char*(const std::string&)>& variable);

/// `toml`: the text of a file. `name`: the file's, for messages. Unknown names are errors.
Result<Given> given_by_file(std::string_view toml, const std::string& name);
Result<Given> given_by_file_at(const std::string& path);

/// One line of the resolved result.
struct Decided {
  const Setting* setting;
  GivenValue given;
};

/// The result: typed for the daemon, and with each value's origin for `weir check`.
struct Resolved {
  Config config;
  std::vector<Decided> decided;       // in the order of settings()
  std::vector<std::string> misspelt;  // variables that begin with WEIR_ and are no setting
};

/// The first of `sources` that has a setting decides it; else the default.
Resolved resolve(const std::vector<Given>& sources);

/// Variables that begin with WEIR_ and are no setting: probably misspelt.
std::vector<std::string> unknown_variables(const char* const* environment);

/// What is said of a name in a file that is no setting: the setting that is probably meant, or
/// weir's answer to a flag of another program.
std::string about_no_setting(const std::string& name);

/// A line about such a variable, with the variable that is probably meant.
std::string about_unknown(const std::string& variable);

}  // namespace weir::app
