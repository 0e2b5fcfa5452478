#pragma once

#include <string_view>

namespace weir::api {

/// The other program that a field of a request or of a message comes from: "Ollama" for num_ctx.
/// Empty: no program in the table has the field.
std::string_view program_of(std::string_view field);

}  // namespace weir::api
