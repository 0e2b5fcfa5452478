#include "app/summary.h"

#include <gmock/gmock.h>

#include "weir/base/log.h"

namespace weir::app {
namespace {

using testing::HasSubstr;

struct FakeClock final : Clock {
  TimePoint now() const override { return at; }
  TimePoint at{};
};

class SummaryTest : public testing::Test {
 protected:
  /// What is logged when so much time has passed.
  std::string after(std::chrono::seconds passed) {
    clock_.at += passed;
    testing::internal::CaptureStderr();
    EXPECT_TRUE(start_log(LogFormat::text, "info"));
    summary_.look([this] { return now_; });
    EXPECT_TRUE(drain_log(std::chrono::seconds(20)));
    return testing::internal::GetCapturedStderr();
  }

  FakeClock clock_;
  Summary summary_{clock_};
  std::vector<Summary::Activity> now_;
};

TEST_F(SummaryTest, OneLineForEachModelThatHasWork) {
  now_ = {{.model = "chat",
           .waiting = 2,
           .running = 3,
           .computed = {.prompt_tokens = 5000, .completion_tokens = 420, .memory_usage = 0.404}},
          {.model = "idle"}};
  EXPECT_EQ(after(std::chrono::seconds(9)), "");
  const std::string line = after(std::chrono::seconds(1));
  EXPECT_THAT(line, HasSubstr("info  model chat: 3 run, 2 wait; 500 prompt + 42 tok/s; cache 40% "
                              "full\n"));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST_F(SummaryTest, CountsFromTheLastLookAndEndsWithTheWork) {
  now_ = {{.model = "chat", .computed = {.prompt_tokens = 5000}}};
  EXPECT_THAT(after(std::chrono::seconds(10)), HasSubstr("500 prompt"));
  now_[0].computed.completion_tokens = 40;
  EXPECT_THAT(after(std::chrono::seconds(20)), HasSubstr("0 prompt + 2 tok/s"));
  EXPECT_EQ(after(std::chrono::seconds(10)), "");
}

}  // namespace
}  // namespace weir::app
