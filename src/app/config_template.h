#pragma once

#include <string>

namespace weir::app {

/// config/weir.toml: every setting with its default and what it is for.
std::string config_template();

/// config/weir.schema.json: the JSON schema of that file, for editors.
std::string config_schema();

}  // namespace weir::app
