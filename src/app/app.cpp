#include "weir/app/app.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "app/command_line.h"
#include "app/commands.h"
#include "app/kinds.h"
#include "app/standard_files.h"
#include "weir/base/last_words.h"
#include "weir/base/log.h"

namespace weir::app {
namespace {

Result<Resolved> settle(const Command& command) {
  auto flags = given_by_flags(command.flags);
  if (!flags) return flags.error();
  auto environment =
      given_by_environment([](const std::string& name) { return std::getenv(name.c_str()); });
  if (!environment) return environment.error();
  std::string path = command.config;
  if (const char* variable = std::getenv("WEIR_CONFIG"); path.empty() && variable != nullptr)
    path = variable;
  if (path.empty()) return resolve({*flags, *environment});
  auto file = given_by_file_at(path);
  if (!file) return file.error();
  return resolve({*flags, *environment, *file});
}

int with_settings(const Command& command) {
  auto resolved = settle(command);
  if (!resolved) return fail(kWrongSetting, resolved.error());
  if (command.kind == Command::Kind::usage) return usage(resolved->config, command, std::cout);
  resolved->misspelt = unknown_variables(environ);
  const bool asks = command.kind == Command::Kind::chat || command.kind == Command::Kind::models;
  for (const std::string& name : resolved->misspelt)
    if (asks) std::cerr << "weir: " << about_unknown(name) << "\n";
  if (command.kind == Command::Kind::chat) return chat(*resolved, command);
  if (command.kind == Command::Kind::models) return models(*resolved, std::cout);
  if (command.kind == Command::Kind::serve) return serve(*resolved);
  if (command.argument.empty()) return check(*resolved, std::cout);
  return check_alone(command.argument, resolved->config, std::cout);
}

}  // namespace

Error unwritable_output() {
  return {.message = std::string("standard output cannot be written: ") + std::strerror(errno)};
}

int fail(int code, const Error& error) {
  last_words("weir: " + error.message + '\n');
  return code;
}

namespace {

int print_kinds() {
  auto table = kinds_table();
  if (!table) return fail(kFailed, table.error());
  std::cout << *table;
  return 0;
}

int run_command(int argc, const char* const* argv) {
  auto command = parse_command_line(argc, argv);
  if (!command) return fail(kWrongSetting, command.error());
  switch (command->kind) {
    case Command::Kind::serve:
    case Command::Kind::check:
    case Command::Kind::chat:
    case Command::Kind::models:
    case Command::Kind::usage:
      return with_settings(*command);
    case Command::Kind::kinds:
      return print_kinds();
    case Command::Kind::key_new:
      return key_new(command->argument, std::cout, std::cerr);
    case Command::Kind::key_hash:
      return key_hash(std::cin, std::cout);
    case Command::Kind::key_check:
      return key_check(command->argument, std::cout);
    case Command::Kind::print:
      std::cout << command->text;
      return 0;
  }
  return kFailed;
}

}  // namespace

int run(int argc, const char* const* argv) {
  open_standard_files();
  int code = run_command(argc, argv);
  drain_log(kLastLines);
  if (!std::cout.flush() && code == 0) code = fail(kFailed, unwritable_output());
  return code;
}

}  // namespace weir::app
