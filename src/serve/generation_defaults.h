#pragma once

#include <string>
#include <vector>

#include "weir/folder/json_file.h"
#include "weir/serve/served_model.h"

namespace weir::serve {

/// The sampling of generation_config.json. A value that cannot be used is dropped, one out of range
/// becomes the nearest that is allowed, a max_new_tokens below 1 is dropped; `notes` gets a line
/// for each.
GenerationDefaults read_defaults(const folder::JsonFile& generation,
                                 std::vector<std::string>& notes);

}  // namespace weir::serve
