#include "app/command_names.h"

#include <vector>

#include "app/words.h"
#include "weir/base/excerpt.h"

namespace weir::app {
namespace {

using Commands = std::vector<const CLI::App*>;

Commands commands_of(const CLI::App& command) { return command.get_subcommands({}); }

bool has_flag(const CLI::App& command, const std::string& name) {
  return command.get_option_no_throw(name) != nullptr;
}

/// "serve, check and key"
std::string list_of(const Commands& commands) {
  std::string list;
  for (size_t i = 0; i < commands.size(); ++i) {
    if (i > 0) list += i + 1 < commands.size() ? ", " : " and ";
    list += commands[i]->get_name();
  }
  return list;
}

/// A message about a command's own commands: "key: there is no command nwe".
Error about(const CLI::App& command, const std::string& message) {
  return invalid((command.get_parent() ? command.get_name() + ": " : "") + message);
}

Error missing(const CLI::App& command) {
  return about(command, "a command is missing: " + list_of(commands_of(command)));
}

Error unknown_flag(const CLI::App& command, const std::string& flag) {
  for (const CLI::App* each : commands_of(command)) {
    if (!has_flag(*each, flag)) continue;
    const std::string name = full_name(*each);
    return invalid(flag + " is a flag of " + name + " and stands behind it: " + name + " " + flag);
  }
  return about(command, "there is no flag " + excerpt(flag));
}

Error unknown(const CLI::App& command, const std::string& word) {
  if (word.starts_with('-')) return unknown_flag(command, word.substr(0, word.find('=')));
  const Commands commands = commands_of(command);
  std::vector<std::string> names;
  for (const CLI::App* each : commands) names.push_back(each->get_name());
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  const std::string* meant = meant_by(word, names);
  return about(command, "there is no command " + excerpt(word) +
                            (meant ? "; did you mean " + *meant + "?"
                                   : ": the commands are " + list_of(commands)));
}

const CLI::App* find(const CLI::App& command, const std::string& name) {
  for (const CLI::App* each : commands_of(command))
    if (each->get_name() == name) return each;
  return nullptr;
}

}  // namespace

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return (parent ? full_name(*parent) + " " : "") + command.get_name();
}

Result<NamedCommand> find_described(const CLI::App& root, std::span<const std::string> words) {
  NamedCommand named{.command = &root};
  while (named.words < words.size() && !commands_of(*named.command).empty()) {
    const std::string& word = words[named.words];
    if (word.starts_with('-') && has_flag(*named.command, word)) break;
    const CLI::App* command = find(*named.command, word);
    if (command == nullptr) return unknown(*named.command, word);
    named = {.command = command, .words = named.words + 1};
  }
  return named;
}

Result<NamedCommand> find_command(const CLI::App& root, std::span<const std::string> words) {
  auto named = find_described(root, words);
  if (!named || named->words < words.size() || commands_of(*named->command).empty()) return named;
  return missing(*named->command);
}

}  // namespace weir::app
