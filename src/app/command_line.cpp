#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <initializer_list>
#include <span>
#include <string_view>

#include "app/command_names.h"
#include "app/help_text.h"
#include "app/setting.h"
#include "app/words.h"

namespace weir::app {
namespace {

constexpr uint32_t kMostTokens = 16'777'216;

std::string help_of(const Setting& setting) {
  std::string text = setting.help;
  if (setting.kind == Kind::choice && !setting.word.empty())
    text += " One of " + setting.allowed().substr(7) + ".";
  if (!setting.fallback.empty()) text += " [" + setting.fallback + "]";
  return text;
}

/// A list takes one word each time its flag is given, and "[a,b]" is one word.
CLI::Option* take_one_word(CLI::Option* option) {
  return option->expected(1)->allow_extra_args(false);
}

struct Parser {
  CLI::App root{"Serves language models over HTTP."};
  Command command;

  Parser() {
    root.name("weir");
    root.formatter(std::make_shared<HelpText>());
    root.require_subcommand(1);
    root.set_version_flag("--version", "weir " WEIR_VERSION);
    root.footer("`weir help COMMAND` has the words and flags of a command.");
    add_serve();
    add_check();
    add_chat();
    add_models();
    add_usage();
    add_key();
    add("help", "Print the help of a command.")->add_option("COMMAND", ignored_);
  }

 private:
  std::vector<std::string> ignored_;  // help is answered before anything is parsed
  bool kinds_ = false;

  CLI::App* add(const std::string& name, const std::string& help) {
    return root.add_subcommand(name, help)->group("Commands");
  }

  void is(CLI::App* app, Command::Kind kind) {
    app->callback([this, kind] { command.kind = kind; });
  }

  void add_config(CLI::App* app) {
    app->add_option("--config", command.config, "TOML file with settings; also WEIR_CONFIG.")
        ->type_name("FILE");
  }

  /// Adds a flag for the setting. Its texts are checked with those of the other sources.
  CLI::Option* add_setting(CLI::App* app, const Setting& setting) {
    std::vector<std::string>& texts = command.flags[setting.name];
    const std::string flag = "--" + setting.name;
    if (setting.kind == Kind::toggle)
      return app->add_flag(flag, texts, help_of(setting))->group(setting.group);
    CLI::Option* option = app->add_option(flag, texts, help_of(setting));
    return take_one_word(option)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->type_name(setting.value_word())
        ->group(setting.group);
  }

  void add_settings(CLI::App* app, std::initializer_list<std::string_view> names,
                    const std::string& group) {
    for (const Setting& setting : settings())
      if (std::ranges::find(names, setting.name) != names.end())
        add_setting(app, setting)->group(group);
  }

  void add_all_settings(CLI::App* app) {
    add_config(app);
    for (const Setting& setting : settings()) add_setting(app, setting);
    app->footer(
        "Every setting is also an environment variable (--max-wait: WEIR_MAX_WAIT) and a line of "
        "the file (max-wait = \"2s\"). A SIZE is 512K, 16MiB or 1.5G; a TIME is 250ms, 2s, 5min, "
        "or "
        "a number of seconds.");
  }

  /// The flags by which a client of a daemon finds it.
  void add_daemon(CLI::App* app) {
    add_config(app);
    add_settings(app, {"host", "port", "api-key"}, "The daemon");
    app->get_option("--host")->description("Its address. [127.0.0.1]");
    app->get_option("--port")->description(
        "Its port. [8080, or that of the only daemon that runs here]");
    app->get_option("--api-key")->description("The key to ask with, if it wants one.");
  }

  void add_serve() {
    CLI::App* app = add("serve", "Serve models.");
    add_all_settings(app);
    is(app, Command::Kind::serve);
  }

  void add_check() {
    CLI::App* app =
        add("check", "Say what the settings and the models resolve to, without serving.");
    CLI::Option* folder = app->add_option(
        "DIR", command.argument, "A folder alone: what it holds and what can be asked of it.");
    app->add_flag("--kinds", kinds_,
                  "Print the kinds of models that can be served, with their tasks and routes.")
        ->excludes(folder);
    add_all_settings(app);
    app->callback([this] { command.kind = kinds_ ? Command::Kind::kinds : Command::Kind::check; });
  }

  void add_chat() {
    CLI::App* app = add("chat",
                        "Chat with a model of a running daemon, or of one that this command starts "
                        "and ends.");
    app->add_option("MODEL", command.chat.model, "Its name. [the first that can chat]");
    app->add_option("--system", command.chat.system, "A message before the conversation.")
        ->type_name("TEXT");
    app->add_option("--max-tokens", command.chat.max_tokens,
                    "The most tokens of an answer. [what the context leaves]")
        ->type_name("N")
        ->check(CLI::Range(uint32_t{1}, kMostTokens).description(""));
    add_daemon(app);
    add_settings(app, {"model", "models-dir", "dtype", "max-model-len", "memory", "threads"},
                 "A daemon of its own, if none answers");
    app->footer(
        "Ctrl-C stops an answer, and a second one or Ctrl-D ends. From a pipe each line is a "
        "message. Answers go to standard output, all else to standard error.");
    is(app, Command::Kind::chat);
  }

  void add_models() {
    CLI::App* app = add("models", "List the models of a running daemon.");
    add_daemon(app);
    is(app, Command::Kind::models);
  }

  void add_usage() {
    CLI::App* app = add(
        "usage", "Print what each key used of each model, by day (UTC), also while a daemon runs.");
    take_one_word(
        app->add_option("--data-dir", command.flags["data-dir"], "The daemon's data-dir."))
        ->type_name("DIR");
    add_config(app);
    app->add_option("--from", command.usage.from, "First day. [the first of the month of --to]")
        ->type_name("YYYY-MM-DD");
    app->add_option("--to", command.usage.to, "Last day. [today]")->type_name("YYYY-MM-DD");
    app->add_option("--key", command.usage.key, "Of this key only.")->type_name("NAME");
    app->add_option("--model", command.usage.model, "Of this model only.")->type_name("NAME");
    app->add_flag("--csv", command.csv, "As CSV.");
    is(app, Command::Kind::usage);
  }

  void add_key() {
    CLI::App* key = add("key", "Make and check API keys.");
    key->require_subcommand(1);
    CLI::App* fresh = key->add_subcommand("new",
                                          "Make a key: the lines of the key file that admit it go "
                                          "to standard output, the key itself, "
                                          "once, to standard error.");
    fresh->add_option("NAME", command.argument, "Its name in logs and metrics.")->required();
    is(fresh, Command::Kind::key_new);
    is(key->add_subcommand("hash",
                           "Read a key from standard input, print its hash for the key file."),
       Command::Kind::key_hash);
    CLI::App* checked = key->add_subcommand("check", "Say whether a key file is right.");
    checked->add_option("FILE", command.argument, "The key file.")->required();
    is(checked, Command::Kind::key_check);
    for (CLI::App* each : key->get_subcommands({})) each->group("Commands");
  }
};

Syntax syntax_of(const CLI::App& command) {
  Syntax syntax;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) syntax.words.push_back(option->get_name());
    const bool has_value = option->get_items_expected_max() > 0;
    for (const std::string& name : option->get_lnames())
      syntax.flags.push_back({"--" + name, has_value});
    for (const std::string& name : option->get_snames())
      syntax.flags.push_back({"-" + name, has_value});
  }
  return syntax;
}

Error with_help(const std::string& message, const CLI::App& command) {
  return invalid(message + "; see " + full_name(command) + " --help");
}

std::string help_of(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return command.help(parent ? full_name(*parent) : "");
}

Result<Command> describe(const CLI::App& root, std::span<const std::string> words) {
  auto named = find_described(root, words);
  if (!named) return with_help(named.error().message, root);
  if (named->words < words.size())
    return with_help(full_name(*named->command) + " has no command " + words[named->words], root);
  return Command{.text = help_of(*named->command)};
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Result<Command> parse(Parser& parser, const NamedCommand& named, std::vector<std::string> words) {
  std::reverse(words.begin(), words.end());  // the order of CLI11
  try {
    parser.root.parse(words);
    return std::move(parser.command);
  } catch (const CLI::CallForHelp&) {
    return Command{.text = help_of(*named.command)};
  } catch (const CLI::CallForVersion& version) {
    return Command{.text = std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return with_help(first_line(error.what()), *named.command);
  }
}

}  // namespace

Result<Command> parse_command_line(int argc, const char* const* argv) {
  Parser parser;
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty() && words.front() == "help")
    return describe(parser.root, std::span(words).subspan(1));
  auto named = find_command(parser.root, words);
  if (!named) return with_help(named.error().message, parser.root);
  auto own = one_word_each(std::span(words).subspan(named->words), syntax_of(*named->command));
  if (!own) return with_help(own.error().message, *named->command);
  const auto name_end = words.begin() + static_cast<std::ptrdiff_t>(named->words);
  own->insert(own->begin(), words.begin(), name_end);
  return parse(parser, *named, *std::move(own));
}

}  // namespace weir::app
