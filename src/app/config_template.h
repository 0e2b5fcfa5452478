#pragma once

#include <string>

namespace weir::app {

/// The text of config/weir.toml: every setting with its default and its purpose.
std::string config_template();

/// The text of config/weir.schema.json: the JSON schema of that file, for editors.
std::string config_schema();

}  // namespace weir::app
