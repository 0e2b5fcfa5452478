#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir::app {

/// A flag of another program, and weir's answer to it.
struct ForeignFlag {
  std::string_view program;  // "vLLM"
  std::string_view flag;     // "--gpu-memory-utilization"
  std::string_view answer;   // "here --memory"
};

/// The first of foreign_flags() with this name, also in other spellings that the programs take: "_"
/// for "-", "--no-flag", "--flag.field".
std::optional<ForeignFlag> foreign_flag(std::string_view flag);

/// Flags of vLLM (`vllm serve --help`), llama.cpp (tools/server/README.md) and TEI
/// (`text-embeddings-router --help`) that weir does not have.
std::span<const ForeignFlag> foreign_flags();

}  // namespace weir::app
