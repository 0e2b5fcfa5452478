#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace weir::app {

/// The help of commands: lines of at most 100 columns.
class HelpText final : public CLI::Formatter {
 public:
  HelpText();

  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override;
  std::string make_usage(const CLI::App* command, std::string name) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_description(const CLI::App* command) const override;
  std::string make_footer(const CLI::App* command) const override;
};

/// `text` with a line break in place of blanks, so that no line but one of a single long word has
/// more than `columns` bytes.
std::string wrapped(const std::string& text, size_t columns);

}  // namespace weir::app
