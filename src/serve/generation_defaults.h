#pragma once

#include <string>
#include <vector>

#include "weir/folder/json_file.h"
#include "weir/serve/ask.h"
#include "weir/serve/served_model.h"

namespace weir::serve {

/// The sampling defaults of generation_config.json. A value that cannot be used is dropped. A
/// repetition_penalty or a max_new_tokens out of range is dropped too. Another value out of range
/// becomes the nearest one that is allowed. `notes` gets a line for each.
GenerationDefaults read_defaults(const folder::JsonFile& generation,
                                 std::vector<std::string>& notes);

}  // namespace weir::serve
