#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/traffic/ledger.h"

namespace weir::app {

/// What `weir chat` asks for, beside the daemon.
struct ChatOptions {
  std::string model;        // empty: the first that can chat
  std::string system;       // the first message; empty: none
  uint32_t max_tokens = 0;  // of each answer; 0: what the context leaves
};

/// What the command line asks for.
struct Command {
  enum class Kind : uint8_t {
    serve,
    check,
    kinds,
    chat,
    models,
    usage,
    key_new,
    key_hash,
    key_check,
    print
  };

  Kind kind = Kind::print;
  std::map<std::string, std::vector<std::string>>
      flags;             // of the commands that take settings, by name of the setting
  std::string config;    // --config FILE; empty: not given
  std::string argument;  // NAME or FILE of the key commands; DIR of check
  std::string text;      // to print: help or version
  traffic::UsageQuery usage;
  bool csv = false;  // of usage
  ChatOptions chat;
};

/// Errors: one line for standard error.
Result<Command> parse_command_line(int argc, const char* const* argv);

}  // namespace weir::app
