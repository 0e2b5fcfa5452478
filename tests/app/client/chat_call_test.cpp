// The client of a chat request, before servers that answer as weir does and as it does not.
#include "app/client/chat_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

using namespace std::chrono_literals;
using testing::HasSubstr;

namespace weir::app {
namespace {

/// A server that answers POST /v1/chat/completions with `answer`.
class FakeServer {
 public:
  explicit FakeServer(httplib::Server::Handler answer) {
    server_.Post("/v1/chat/completions", std::move(answer));
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    server_.wait_until_ready();
  }
  ~FakeServer() {
    server_.stop();
    thread_.join();
  }
  DaemonAccess access() const { return {.address = {"127.0.0.1", port_}, .key = "secret"}; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

httplib::Server::Handler says(int status, std::string body, std::string type) {
  return [=](const httplib::Request&, httplib::Response& response) {
    response.status = status;
    response.set_content(body, type);
  };
}

std::string chunk(const std::string& text, int tokens, const std::string& finish = "null") {
  return R"(data: {"choices":[{"index":0,"delta":{"content":")" + text + R"("},"finish_reason":)" +
         finish + R"(}],"usage":{"completion_tokens":)" + std::to_string(tokens) + "}}\n\n";
}

Result<ChatAnswer> ask(const FakeServer& server, std::string* shown = nullptr) {
  ChatCall call(server.access(), "{}");
  return call.run([&](std::string_view text) {
    if (shown) *shown += text;
    return true;
  });
}

Result<ChatAnswer> answer_to(int status, const std::string& body,
                             const std::string& type = "text/event-stream") {
  return ask(FakeServer(says(status, body, type)));
}

TEST(ChatCall, ShowsTheTextAndCountsTheTokens) {
  std::string key, shown;
  FakeServer server([&](const httplib::Request& request, httplib::Response& response) {
    key = request.get_header_value("Authorization");
    response.set_content(
        chunk("Hel", 1) + ": ping\n" + chunk("lo", 3, "\"length\"") + "data: [DONE]\n\n",
        "text/event-stream");
  });
  auto answer = ask(server, &shown);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(shown, "Hello");
  EXPECT_EQ(answer->text, "Hello");
  EXPECT_EQ(answer->tokens, 3);
  EXPECT_TRUE(answer->cut);
  EXPECT_FALSE(answer->stopped);
  EXPECT_EQ(key, "Bearer secret");
}

TEST(ChatCall, TellsWhatTheDaemonSays) {
  const std::string error = R"({"error":{"message":"the queue is full","code":"overloaded"}})";
  EXPECT_EQ(answer_to(503, error, "application/json").error().message, "the queue is full");
  EXPECT_THAT(answer_to(401, error, "application/json").error().message,
              HasSubstr("wants a key: give it by --api-key KEY or WEIR_API_KEY"));
  EXPECT_EQ(answer_to(200, chunk("Hel", 1) + "data: " + error + "\n\n").error().message,
            "the queue is full");
}

TEST(ChatCall, AnAnswerThatIsNotWeirsIsTold) {
  EXPECT_THAT(answer_to(200, chunk("Hel", 1)).error().message, HasSubstr("broke off"));
  EXPECT_THAT(answer_to(200, "data: rubbish\n\n").error().message, HasSubstr("is not weir's"));
  EXPECT_THAT(answer_to(200, "data: {\"choices\":7}\n\n").error().message, HasSubstr("not weir's"));
  EXPECT_THAT(answer_to(200, "data: []\n\n").error().message, HasSubstr("not weir's"));
  EXPECT_THAT(answer_to(502, "<html>bad gateway</html>", "text/html").error().message,
              HasSubstr("answers 502, and not as weir does"));
  ChatCall nobody({.address = {"127.0.0.1", 1}}, "{}");
  EXPECT_THAT(nobody.run([](std::string_view) { return true; }).error().message,
              HasSubstr("no daemon answers at http://127.0.0.1:1"));
}

TEST(ChatCall, StopsInTheMiddleAndClosesTheConnection) {
  std::atomic<bool> left = false;
  FakeServer server([&](const httplib::Request&, httplib::Response& response) {
    const auto give = [](size_t, httplib::DataSink& sink) {
      const std::string piece = chunk("word ", 1);
      std::this_thread::sleep_for(1ms);
      return sink.write(piece.data(), piece.size());
    };
    response.set_chunked_content_provider("text/event-stream", give, [&](bool) { left = true; });
  });
  ChatCall call(server.access(), "{}");
  std::atomic<bool> begun = false, ended = false;
  std::thread stopper([&] {
    while (!begun) std::this_thread::sleep_for(1ms);
    while (!ended) {
      call.stop();
      std::this_thread::sleep_for(1ms);
    }
  });
  auto answer = call.run([&](std::string_view) { return begun = true; });
  ended = true;
  stopper.join();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->stopped);
  EXPECT_THAT(answer->text, HasSubstr("word"));
  for (int i = 0; i < 2000 && !left; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(left);
}

TEST(ChatCall, StopsWhereNobodyReadsTheText) {
  FakeServer server(
      says(200, chunk("a", 1) + chunk("b", 2) + "data: [DONE]\n\n", "text/event-stream"));
  ChatCall call(server.access(), "{}");
  std::string shown;
  auto answer = call.run([&](std::string_view text) {
    shown += text;
    return false;
  });
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->stopped);
  EXPECT_EQ(shown, "a");
}

TEST(ChatAnswer, IsSummedUp) {
  ChatAnswer answer{.tokens = 41, .to_first = 250ms, .to_last = 1250ms};
  EXPECT_DOUBLE_EQ(answer.tokens_per_second(), 40);
  EXPECT_EQ(summary_of(answer), "[41 tokens, 40.0 tokens/s, the first after 0.25 s]");
  EXPECT_EQ(summary_of({.tokens = 1, .to_first = 100ms, .to_last = 100ms}),
            "[1 token, the first after 0.10 s]");
  EXPECT_EQ(summary_of({.stopped = true}), "[0 tokens; stopped]");
  answer.cut = true;
  EXPECT_THAT(summary_of(answer), HasSubstr("; cut at the most tokens]"));
}

}  // namespace
}  // namespace weir::app
