#include "weir/base/log.h"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

namespace weir {
namespace {

using testing::HasSubstr;

std::string logged(LogFormat format, const std::string& level, const std::string& message) {
  testing::internal::CaptureStderr();
  EXPECT_TRUE(start_log(format, level));
  spdlog::info("{}", message);
  spdlog::default_logger()->flush();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, JsonEscapesTheMessage) {
  std::string line = logged(LogFormat::json, "info", "a \"b\" \\ c\nd\t\x01 é \xff.");
  EXPECT_THAT(line, HasSubstr(R"("level":"info","message":"a \"b\" \\ c\nd\t\u0001 é )"
                              "\xEF\xBF\xBD.\"}\n"));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_THAT(line, testing::MatchesRegex(
                        "\\{\"time\":\"[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]+Z\".*\n"));
}

TEST(Log, TextStaysOnOneLine) {
  std::string line = logged(LogFormat::text, "info", "first\nsecond \"x\"");
  EXPECT_THAT(line, HasSubstr("info     first\\nsecond \"x\"\n"));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST(Log, LevelHidesWhatIsBelowIt) {
  EXPECT_EQ(logged(LogFormat::text, "warning", "quiet"), "");
  EXPECT_EQ(logged(LogFormat::text, "off", "quiet"), "");
}

TEST(Log, UnknownLevelIsNamed) {
  auto result = start_log(LogFormat::text, "loud");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::invalid_argument);
  EXPECT_THAT(result.error().message, HasSubstr("log level \"loud\" is not one of trace"));
}

}  // namespace
}  // namespace weir
