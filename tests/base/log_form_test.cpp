#include "base/log_form.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "weir/base/utf8.h"

namespace weir {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kBegin = 25;  // "12-01 23:43:37.123 info  "

LogForm::Head head(std::string_view level = "info") {
  return {.time = LogForm::Time(std::chrono::milliseconds(1'764'633'600'007)), .level = level};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

size_t characters(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

TEST(LogForm, AShortMessageIsOneLine) {
  const std::string line = LogForm(LogFormat::text).line(head("warning"), "hello");
  EXPECT_THAT(line, EndsWith(".007 warn  hello\n"));
  EXPECT_EQ(line.size(), kBegin + 6);
}

TEST(LogForm, ALongMessageGoesOnBehindBlanksAndLosesNothing) {
  std::string message;
  for (int i = 0; i < 120; ++i) message.append(std::to_string(i)).append(" ");
  message.append(300, 'x').append(" ").append(40, 'e').append("é").append(60, 'e');
  const auto lines = lines_of(LogForm(LogFormat::text).line(head(), message));
  EXPECT_GT(lines.size(), 4u);
  std::string together;
  for (const std::string& line : lines) {
    EXPECT_LE(characters(line), kLogColumns);
    if (&line != &lines[0]) {
      EXPECT_THAT(line, StartsWith(std::string(kBegin, ' ')));
    }
    together += line.substr(kBegin);
  }
  std::erase(message, ' ');
  std::erase(together, ' ');
  EXPECT_EQ(together, message);
}

TEST(LogForm, JsonOfAMessageParsesWhateverIsInIt) {
  const std::string message = "a \"b\" \\ c\nd\t\x01 é \xff. " + std::string(500, 'x');
  const std::string line = LogForm(LogFormat::json).line(head(), message);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["time"], "2025-12-02T00:00:00.007Z");
  EXPECT_EQ(parsed["level"], "info");
  EXPECT_EQ(parsed["message"], "a \"b\" \\ c\nd\t\x01 é \xEF\xBF\xBD. " + std::string(500, 'x'));
}

TEST(LogForm, FieldsAreJsonValuesAndColumns) {
  const std::vector<LogField> fields{{"model", "a \"b\"", "model a"},
                                     {"status", int64_t{200}, "200"},
                                     {"ms", 1.5},
                                     {"peer", "::1"}};
  const auto parsed =
      nlohmann::json::parse(LogForm(LogFormat::json).line(head(), "request", fields));
  EXPECT_EQ(parsed["event"], "request");
  EXPECT_EQ(parsed["model"], "a \"b\"");
  EXPECT_EQ(parsed["status"], 200);
  EXPECT_EQ(parsed["ms"], 1.5);
  EXPECT_EQ(parsed["peer"], "::1");
  EXPECT_THAT(LogForm(LogFormat::text).line(head(), "request", fields),
              EndsWith("info  model a 200\n"));
}

TEST(LogForm, ColumnsAreCutWhereTheyMayBe) {
  const std::vector<LogField> fields{
      {"a", "", "whole column"}, {"b", "", std::string(30, 'b'), 4}, {"c", "", "éééééééééé", 8}};
  EXPECT_EQ(joined_columns(fields, 100), "whole column " + std::string(30, 'b') + " éééééééééé");
  EXPECT_EQ(joined_columns(fields, 44), "whole column " + std::string(19, 'b') + "… éééééééééé");
  EXPECT_EQ(joined_columns(fields, 26), "whole column bbb… ééééééé…");
  EXPECT_EQ(joined_columns(fields, 5), "whol…");
}

TEST(LogForm, NothingInAColumnLooksLikeALine) {
  const std::vector<LogField> fields{
      {"path", "/a\nb", "/a\nb\x1b[31m\xff\xC2\x9B\u2028\u202E\u00E9"}};
  const std::string replaced = "\xEF\xBF\xBD";
  EXPECT_EQ(joined_columns(fields, 100),
            "/a\\nb\\u001b[31m" + replaced + replaced + replaced + replaced + "\u00E9");
}

}  // namespace
}  // namespace weir
