#pragma once

#include <string>
#include <vector>

#include "weir/folder/json_file.h"
#include "weir/serve/ask.h"
#include "weir/serve/served_model.h"

namespace weir::serve {

/// The sampling of generation_config.json. A value that cannot be used is dropped, and so is a
/// repetition_penalty or a max_new_tokens out of range; another value out of range becomes the
/// nearest that is allowed; `notes` gets a line for each.
GenerationDefaults read_defaults(const folder::JsonFile& generation,
                                 std::vector<std::string>& notes);

}  // namespace weir::serve
