#include "weir/base/log.h"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include "weir/base/log_line.h"

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

TEST(Log, MessagesOfSpdlogAreLines) {
  EXPECT_THAT(logged(LogFormat::json, "info", "a \"b\""),
              HasSubstr(R"("level":"info","message":"a \"b\""})"));
  EXPECT_THAT(logged(LogFormat::text, "info", "first\nsecond"),
              HasSubstr("info  first\\nsecond\n"));
}

TEST(Log, FieldsAreWrittenFromTheirLevelOn) {
  const auto fields_logged = [](const std::string& level) {
    testing::internal::CaptureStderr();
    EXPECT_TRUE(start_log(LogFormat::text, level));
    log_fields(LogLevel::info, "request", {{"status", int64_t{200}, "200"}});
    EXPECT_TRUE(drain_log(std::chrono::seconds(20)));
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(fields_logged("info"), HasSubstr("info  200\n"));
  EXPECT_EQ(fields_logged("warning"), "");
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
