#include "weir/serve/request_line.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "weir/base/log.h"

namespace weir::serve {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string written(LogFormat format, const std::function<void(RequestLine&)>& fill,
                    const std::string& level = "info") {
  testing::internal::CaptureStderr();
  EXPECT_TRUE(start_log(format, level));
  {
    RequestLine line;
    fill(line);
  }
  EXPECT_TRUE(drain_log(std::chrono::seconds(20)));
  return testing::internal::GetCapturedStderr();
}

void fill_chat(RequestLine& line) {
  line.wire = {.method = "POST",
               .path = "/v1/chat/completions",
               .id = "req-0123456789abcdef",
               .peer = "127.0.0.1",
               .key = "anonymous",
               .status = 200,
               .took = std::chrono::milliseconds(1234)};
  line.work = {.model = "smollm2-135m-instruct",
               .task = "generate",
               .rows = 1,
               .usage = {.prompt_tokens = 31,
                         .completion_tokens = 41,
                         .cached_tokens = 16,
                         .queue_ms = 1.25,
                         .prefill_ms = 30,
                         .decode_ms = 1000},
               .waited = std::chrono::milliseconds(7),
               .finish = "length",
               .response_cache = ""};
}

TEST(RequestLine, OneLineOfColumns) {
  const std::string line = written(LogFormat::text, fill_chat);
  EXPECT_THAT(line, EndsWith(" info  POST /v1/chat/completions 200 1234ms 31+41 tok 40.0/s "
                             "smollm2-135m-instru… req-0123456789abcdef\n"));
}

TEST(RequestLine, IsNeverOverTheLog) {
  const std::string line = written(LogFormat::text, [](RequestLine& of) {
    fill_chat(of);
    of.wire.path = "/" + std::string(2000, 'p');
    of.wire.key = std::string(60, 'k');
    of.wire.status = 429;
    of.wire.refusal = Code::rate_limited;
    of.wire.failure = std::string(300, 'f');
    of.work.model = std::string(128, 'm');
    of.wire.id = std::string(128, 'i');
  });
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_LE(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }),
            121);
  EXPECT_THAT(line, HasSubstr(" 429 1234ms rate_limited "));
}

TEST(RequestLine, JsonHasEveryFieldWhole) {
  const auto line = nlohmann::json::parse(written(LogFormat::json, fill_chat));
  const auto expected = nlohmann::json::parse(R"({"level":"info","event":"request",
    "method":"POST","path":"/v1/chat/completions","status":200,"ms":1234.0,"rows":1,
    "prompt_tokens":31,"cached_tokens":16,"completion_tokens":41,"tokens_per_s":40.0,"wait_ms":7,
    "queue_ms":1.3,"prefill_ms":30.0,"decode_ms":1000.0,"finish":"length","task":"generate",
    "model":"smollm2-135m-instruct","key":"anonymous","id":"req-0123456789abcdef",
    "peer":"127.0.0.1"})");
  for (const auto& [name, value] : expected.items())
    EXPECT_EQ(line.value(name, nlohmann::json()), value) << name;
  EXPECT_EQ(line.size(), expected.size() + 1);  // and the time
}

TEST(RequestLine, ARefusalHasItsCodeAndReasonAndNoTokens) {
  const auto line = nlohmann::json::parse(written(LogFormat::json, [](RequestLine& of) {
    of.wire = {.method = "POST", .path = "/v1/completions", .status = 503};
    of.work.model = "m";
    of.work.refusal = Code::overloaded;
    of.wire.failure = "the queue is full";
  }));
  EXPECT_EQ(line["code"], "overloaded");
  EXPECT_EQ(line["error"], "the queue is full");
  EXPECT_FALSE(line.contains("prompt_tokens"));
  EXPECT_FALSE(line.contains("finish"));
}

TEST(RequestLine, AProbeIsOnTheLevelDebug) {
  const auto probe = [](RequestLine& line) { line.wire = {.path = "/health", .quiet = true}; };
  EXPECT_EQ(written(LogFormat::text, probe), "");
  EXPECT_THAT(written(LogFormat::text, probe, "debug"), HasSubstr("debug /health"));
}

}  // namespace
}  // namespace weir::serve
