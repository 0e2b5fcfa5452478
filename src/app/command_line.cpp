#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <span>

#include "app/setting.h"
#include "app/words.h"

namespace weir::app {
namespace {

using Flags = std::map<std::string, std::vector<std::string>>;

std::string help_of(const Setting& setting) {
  std::string text = setting.help;
  if (setting.kind == Kind::choice) text += " One of " + setting.allowed().substr(7) + ".";
  if (!setting.fallback.empty()) text += " [" + setting.fallback + "]";
  return text;
}

/// A list takes one word each time its flag is given, and "[a,b]" is one word.
CLI::Option* take_one_word(CLI::Option* option) {
  return option->expected(1)->allow_extra_args(false);
}

/// Adds a flag for each setting. Its texts go to `flags` unchecked; they are checked with those of
/// the other sources.
void add_settings(CLI::App& command, Flags& flags, std::string& config) {
  command.add_option("--config", config, "TOML file with settings; also WEIR_CONFIG.")
      ->type_name("FILE");
  for (const Setting& setting : settings()) {
    std::vector<std::string>& texts = flags[setting.name];
    std::string flag = "--" + setting.name;
    if (setting.kind == Kind::toggle) {
      command.add_flag(flag + "{true}", texts, help_of(setting));
      continue;
    }
    CLI::Option* option = command.add_option(flag, texts, help_of(setting));
    take_one_word(option)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->type_name("");
  }
}

struct Parser {
  CLI::App root{"Serves language models over HTTP."};
  Command command;
  std::string path;  // the configuration file's

  Parser() {
    root.name("weir");
    root.require_subcommand(1);
    root.set_version_flag("--version", "weir " WEIR_VERSION);
    add("serve", "Serve models.", Command::Kind::serve, true);
    add("check", "Say what the settings and the models resolve to, without serving.",
        Command::Kind::check, true);
    root.get_subcommand("check")->add_option(
        "DIR", command.argument, "A folder alone: what it holds and what can be asked of it.");
    add_usage_command();
    add_key_commands();
  }

  void add(const std::string& name, const std::string& help, Command::Kind kind,
           bool takes_settings) {
    CLI::App* sub = root.add_subcommand(name, help);
    if (takes_settings) {
      sub->footer(
          "Every setting is also an environment variable (--max-wait: WEIR_MAX_WAIT) and a line of "
          "the file.");
      add_settings(*sub, command.flags, command.config);
    }
    sub->callback([this, kind] { command.kind = kind; });
  }

  void add_usage_command() {
    CLI::App* usage = root.add_subcommand(
        "usage", "Print what each key used of each model, by day (UTC), also while a daemon runs.");
    take_one_word(
        usage->add_option("--data-dir", command.flags["data-dir"], "The daemon's data-dir."))
        ->type_name("DIR");
    usage->add_option("--config", command.config, "The daemon's TOML file; also WEIR_CONFIG.")
        ->type_name("FILE");
    usage->add_option("--from", command.usage.from, "First day. [the first of the month of --to]")
        ->type_name("YYYY-MM-DD");
    usage->add_option("--to", command.usage.to, "Last day. [today]")->type_name("YYYY-MM-DD");
    usage->add_option("--key", command.usage.key, "Of this key only.")->type_name("NAME");
    usage->add_option("--model", command.usage.model, "Of this model only.")->type_name("NAME");
    usage->add_flag("--csv", command.csv, "As CSV.");
    usage->callback([this] { command.kind = Command::Kind::usage; });
  }

  void add_key_commands() {
    CLI::App* key = root.add_subcommand("key", "Make and check API keys.");
    key->require_subcommand(1);
    CLI::App* fresh = key->add_subcommand(
        "new", "Make a key: prints it once, and the lines of the key file that admit it.");
    fresh->add_option("NAME", command.argument, "Its name in logs and metrics.")->required();
    fresh->callback([this] { command.kind = Command::Kind::key_new; });
    CLI::App* hash = key->add_subcommand(
        "hash", "Read a key from standard input, print its hash for the key file.");
    hash->callback([this] { command.kind = Command::Kind::key_hash; });
    CLI::App* check = key->add_subcommand("check", "Say whether a key file is right.");
    check->add_option("FILE", command.argument, "The key file.")->required();
    check->callback([this] { command.kind = Command::Kind::key_check; });
  }
};

std::vector<Flag> flags_of(const CLI::App& command) {
  std::vector<Flag> flags;
  for (const CLI::Option* option : command.get_options()) {
    const bool has_value = option->get_items_expected_max() > 0;
    for (const std::string& name : option->get_lnames()) flags.push_back({"--" + name, has_value});
    for (const std::string& name : option->get_snames()) flags.push_back({"-" + name, has_value});
  }
  return flags;
}

/// The words of the command line after the program's name. If a command takes only flags, checks
/// that each has its one word.
Result<std::vector<std::string>> checked_words(const CLI::App& root,
                                               std::vector<std::string> words) {
  for (const char* name : {"serve", "check", "usage"}) {
    if (words.empty() || words[0] != name) continue;
    // Only `check` takes a word that belongs to no flag. That word comes first.
    const bool has_folder =
        name == std::string("check") && words.size() > 1 && !words[1].empty() && words[1][0] != '-';
    const auto own = static_cast<std::ptrdiff_t>(has_folder ? 2 : 1);
    auto checked = one_word_each(std::span(words).subspan(static_cast<size_t>(own)),
                                 flags_of(*root.get_subcommand(name)));
    if (!checked) return invalid(checked.error().message + "; see weir " + name + " --help");
    checked->insert(checked->begin(), words.begin(), words.begin() + own);
    return checked;
  }
  return words;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Result<Command> parse_command_line(int argc, const char* const* argv) {
  Parser parser;
  auto words = checked_words(parser.root, {argv + std::min(argc, 1), argv + argc});
  if (!words) return words.error();
  std::reverse(words->begin(), words->end());  // the order of CLI11
  try {
    parser.root.parse(*words);
    return std::move(parser.command);
  } catch (const CLI::CallForHelp&) {
    return Command{.text = parser.root.help()};
  } catch (const CLI::CallForVersion& version) {
    return Command{.text = std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return invalid(first_line(error.what()) + "; see weir --help");
  }
}

}  // namespace weir::app
