#pragma once

#include <map>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/traffic/ledger.h"

namespace weir::app {

/// What the command line asks for.
struct Command {
  enum class Kind : uint8_t { serve, check, usage, key_new, key_hash, key_check, print };

  Kind kind = Kind::print;
  std::map<std::string, std::vector<std::string>>
      flags;             // of serve, check and usage, by name of the setting
  std::string config;    // --config FILE; empty: not given
  std::string argument;  // NAME or FILE of the key commands; DIR of check
  std::string text;      // to print: help or version
  traffic::UsageQuery usage;
  bool csv = false;  // of usage
};

/// Errors: one line for standard error.
Result<Command> parse_command_line(int argc, const char* const* argv);

}  // namespace weir::app
