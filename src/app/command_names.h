#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>

#include "weir/base/result.h"

namespace weir::app {

/// A command, and how many words name it: "key", "new".
struct NamedCommand {
  const CLI::App* command = nullptr;
  size_t words = 0;
};

/// The command that the first words name. A flag of a command that has commands of its own, such as
/// --help, ends the search. Errors: no such command, with the one that is probably meant; a command
/// is missing; a flag that belongs behind a command.
Result<NamedCommand> find_command(const CLI::App& root, std::span<const std::string> words);

/// The same for words that may end early: the help of "key" is that of its commands.
Result<NamedCommand> find_described(const CLI::App& root, std::span<const std::string> words);

/// "weir key new"
std::string full_name(const CLI::App& command);

}  // namespace weir::app
