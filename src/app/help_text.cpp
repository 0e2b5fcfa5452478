#include "app/help_text.h"

#include <sstream>

namespace weir::app {
namespace {

constexpr size_t kColumns = 100;
constexpr size_t kNames = 34;  // columns of flags and their values

}  // namespace

HelpText::HelpText() {
  column_width(kNames);
  label("OPTIONS", "FLAGS");
  label("SUBCOMMAND", "COMMAND");
  label("Options", "Flags");
  label("Positionals", "Words");
}

// CLI11 puts a blank line before each group and one behind it.
std::string HelpText::make_group(std::string group, bool is_positional,
                                 std::vector<const CLI::Option*> options) const {
  std::string text =
      CLI::Formatter::make_group(get_label(group), is_positional, std::move(options)).substr(1);
  return is_positional ? text + "\n" : text;
}

std::string HelpText::make_usage(const CLI::App* command, std::string name) const {
  return CLI::Formatter::make_usage(command, std::move(name)) + "\n";
}

std::string HelpText::make_option_desc(const CLI::Option* option) const {
  return wrapped(option->get_description(), kColumns - kNames);
}

std::string HelpText::make_option_opts(const CLI::Option* option) const {
  const std::string& value = option->get_type_name();
  return option->get_positional() || value.empty() ? "" : " " + value;
}

std::string HelpText::make_subcommand(const CLI::App* command) const {
  constexpr size_t kCommands = 12;
  std::ostringstream out;
  CLI::detail::format_help(out, command->get_display_name(true),
                           wrapped(command->get_description(), kColumns - kCommands), kCommands);
  return out.str();
}

std::string HelpText::make_description(const CLI::App* command) const {
  return wrapped(command->get_description(), kColumns) + "\n\n";
}

std::string HelpText::make_footer(const CLI::App* command) const {
  return command->get_footer().empty() ? "" : wrapped(command->get_footer(), kColumns) + "\n";
}

std::string wrapped(const std::string& text, size_t columns) {
  std::istringstream words(text);
  std::string all, word;
  size_t column = 0;
  while (words >> word) {
    const bool fits = column + 1 + word.size() <= columns;
    if (!all.empty()) all += fits ? ' ' : '\n';
    column = (fits && !all.empty() ? column + 1 : 0) + word.size();
    all += word;
  }
  return all;
}

}  // namespace weir::app
