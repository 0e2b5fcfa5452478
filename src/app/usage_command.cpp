#include <ostream>

#include "app/commands.h"
#include "app/text_table.h"
#include "weir/serve/usage.h"

namespace weir::app {
namespace {

constexpr size_t kWords = 3;  // columns of text; right-aligned numbers follow

std::vector<TableRow> lines_of(const std::vector<serve::UsageRow>& rows) {
  TableRow head{"day", "key", "model"};
  for (const serve::UsageField& field : serve::usage_fields()) head.push_back(field.name);
  std::vector<TableRow> lines{std::move(head)};
  for (const serve::UsageRow& row : rows) {
    TableRow line{row.day, row.usage.key, row.usage.model};
    for (const serve::UsageField& field : serve::usage_fields())
      line.push_back(std::to_string(row.usage.*field.count));
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

int usage(const Config& config, const Command& command, std::ostream& out) {
  if (config.data_dir.empty())
    return fail(kWrongSetting, invalid("data-dir is not set; name the daemon's: --data-dir DIR"));
  auto rows = traffic::read_usage(config.data_dir, command.usage);
  if (!rows) {
    const bool asked = rows.error().code == Code::invalid_argument;
    return fail(asked ? kWrongSetting : kFailed, rows.error());
  }
  if (command.csv)
    out << serve::usage_csv(*rows);
  else
    print_table(lines_of(*rows), kWords, out);
  return 0;
}

}  // namespace weir::app
