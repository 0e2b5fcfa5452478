#pragma once

#include <string_view>

namespace weir::api {

/// The program that a field of a request or of a message comes from, where it is none of ours:
/// "Ollama" for num_ctx. Empty: no program in the table has it.
std::string_view program_of(std::string_view field);

}  // namespace weir::api
