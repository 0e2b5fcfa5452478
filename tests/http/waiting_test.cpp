// What a stream says before its first token, and what is still a plain answer then.
#include <filesystem>

#include "http/server_fixture.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Line = serve::PlaceInLine::Which;

class Waiting : public ServerTest {
 protected:
  /// A stream that asks to be told where it stands.
  static std::string stream_with_notes() {
    return post("/v1/chat/completions", kChatStream, "x-weir-notes: waiting\r\n");
  }
};

TEST_F(Waiting, AStreamThatWaitsIsToldSoAndThenGoesOn) {
  service.script.lines = {{Line::gate, 2, milliseconds(400)}, {Line::gate, 1, milliseconds(200)}};
  start();
  RawAnswer answer = ask(stream_with_notes());
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, StartsWith(": waiting place=2 wait_ms=400 line=gate\n"
                                      ": waiting place=1 wait_ms=200 line=gate\n"
                                      "data: {"));
  EXPECT_EQ(events(answer.body).size(), 5u);
}

TEST_F(Waiting, NobodyIsToldThatDidNotAsk) {
  service.script.lines = {{Line::gate, 2, milliseconds(400)}};
  start();
  RawAnswer answer = ask(post("/v1/chat/completions", kChatStream));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, StartsWith("data: {"));
  EXPECT_EQ(events(answer.body).size(), 5u);
  EXPECT_EQ(ask(post("/v1/chat/completions", kChatStream, "x-weir-notes: all\r\n"))
                .json()["error"]["param"],
            "x-weir-notes");
}

TEST_F(Waiting, ALaterRefusalIsAnEvent) {
  service.script.lines = {{Line::gate, 2, milliseconds(400)}};
  service.script.pieces = {};
  service.script.fails_after = Error{.code = Code::rate_limited, .message = "why"};
  start();
  RawAnswer answer = ask(post("/v1/chat/completions", kChatStream));
  EXPECT_EQ(answer.status, 200);
  auto found = events(answer.body);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(nlohmann::json::parse(found[0])["error"]["code"], "rate_limit_exceeded");
}

TEST_F(Waiting, AWholeAnswerThatIsRefusedLaterHasItsStatus) {
  service.script.pieces = {};
  service.script.fails_after = Error{.code = Code::overloaded, .message = "why"};
  start();
  EXPECT_EQ(ask(post("/v1/chat/completions", kChat)).status, 503);
}

TEST_F(Waiting, WhatFailsBeforeTheFirstEventIsAPlainAnswer) {
  service.script.pieces = {};
  service.script.fails_after = Error{.code = Code::unavailable, .message = "the device is lost"};
  start();
  RawAnswer answer = ask(post("/v1/chat/completions", kChatStream));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers["content-type"], "application/json");
  EXPECT_EQ(answer.headers["retry-after"], "5");
  EXPECT_EQ(answer.json()["error"]["message"], "the device is lost");
}

TEST_F(Waiting, ASilentStreamSendsPingsFromItsHeadOn) {
  options.ping = milliseconds(60);
  service.script.silent = true;
  start();
  RawClient c = client();
  c.send(post("/v1/chat/completions", kChatStream));
  ASSERT_TRUE(c.read_until("\r\n\r\n"));
  EXPECT_THAT(c.unread(), HasSubstr("200 OK"));
  ASSERT_TRUE(c.read_until(": ping\n\r\n"));
  EXPECT_THAT(c.unread(), Not(HasSubstr(": ping\n\n")));
  size_t first = c.unread().find(": ping");
  while (c.unread().find(": ping", first + 1) == std::string::npos) ASSERT_TRUE(c.read_more());
  EXPECT_THAT(c.unread(), Not(HasSubstr("data: ")));
  c.close();
  EXPECT_TRUE(soon([&] { return service.generations == 0; }));
}

TEST_F(Waiting, AClientThatLeavesTheLineIsNoticed) {
  service.script.lines.assign(1000, {Line::gate, 2, milliseconds(400)});
  start();
  RawClient c = client();
  c.send(stream_with_notes());
  ASSERT_TRUE(c.read_until("place=2"));
  c.close();
  EXPECT_TRUE(soon([&] { return service.generations == 0; }));
  EXPECT_TRUE(soon([&] { return server->in_flight() == 0; }));
}

/// Streams that were told their place and wait for a bell, which needs no thread.
class Parked : public Waiting {
 protected:
  std::shared_ptr<Doorbell> next_waits() {
    service.script.lines = {{Line::queue, 3, milliseconds(60'000)}};
    return service.script.bell = std::make_shared<Doorbell>();
  }
  RawClient waiting_client() {
    RawClient c = client();
    c.send(stream_with_notes());
    EXPECT_TRUE(c.read_until("place=3"));
    return c;
  }
  static size_t threads() {
    std::filesystem::directory_iterator tasks("/proc/self/task");
    return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
  }
};

TEST_F(Parked, GoOnWhenTheirBellRingsAndKeepTheirConnection) {
  auto bell = next_waits();
  start();
  RawClient c = waiting_client();
  bell->ring();
  RawAnswer answer = c.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(events(answer.body).size(), 5u);
  service.script = {};
  c.send(post("/v1/chat/completions", kChat));
  EXPECT_EQ(c.answer().status, 200);
}

TEST_F(Parked, ALongLineNeedsFewThreads) {
  start();
  std::vector<RawClient> clients;
  std::vector<std::shared_ptr<Doorbell>> bells;
  const size_t before = threads();
  for (int i = 0; i < 60; ++i) {
    bells.push_back(next_waits());
    clients.push_back(waiting_client());
  }
  EXPECT_TRUE(soon([&] { return threads() < before + 20; })) << threads();
  for (const auto& bell : bells) bell->ring();
  for (RawClient& c : clients) EXPECT_EQ(events(c.answer().body).size(), 5u);
}

TEST_F(Parked, ThoseThatAreToldNothingWaitAlike) {
  start();
  std::vector<RawClient> clients;
  std::vector<std::shared_ptr<Doorbell>> bells;
  const size_t before = threads();
  for (int i = 0; i < 40; ++i) {
    bells.push_back(next_waits());
    clients.push_back(client());
    clients.back().send(post("/v1/chat/completions", kChatStream));
    ASSERT_TRUE(clients.back().read_until("\r\n\r\n"));
  }
  EXPECT_TRUE(soon([&] { return threads() < before + 20; })) << threads();
  for (const auto& bell : bells) bell->ring();
  for (RawClient& c : clients) {
    RawAnswer answer = c.answer();
    EXPECT_EQ(events(answer.body).size(), 5u);
    EXPECT_THAT(answer.body, StartsWith("data: {"));
  }
}

TEST_F(Parked, ConnectionsOnWhichNothingComesNeedFewThreads) {
  start();
  std::vector<RawClient> clients;
  const size_t before = threads();
  for (int i = 0; i < 60; ++i) {
    clients.push_back(client());
    if (i % 2 == 0) continue;  // these say nothing at all yet, the others nothing more
    clients.back().send(post("/v1/chat/completions", kChat));
    EXPECT_EQ(clients.back().answer().status, 200);
    std::this_thread::sleep_for(milliseconds(8));
  }
  EXPECT_TRUE(soon([&] { return threads() < before + 20; })) << threads();
  for (RawClient& c : clients) {
    c.send(post("/v1/chat/completions", kChat));
    EXPECT_EQ(c.answer().status, 200);
  }
}

TEST_F(Parked, HeadersThatComeSlowlyNeedFewThreads) {
  options.header_timeout = std::chrono::minutes(5);
  start();
  const std::string whole = get("/version"), half = whole.substr(0, whole.size() / 2);
  std::vector<RawClient> clients;
  const size_t before = threads();
  for (int i = 0; i < 60; ++i) {
    clients.push_back(client());
    clients.back().send(half);
    if (i % 2 == 0) std::this_thread::sleep_for(milliseconds(8));
  }
  EXPECT_EQ(ask(get("/health")).status, 200);
  EXPECT_TRUE(soon([&] { return threads() < before + 20; })) << threads();
  for (RawClient& c : clients) c.send(whole.substr(half.size(), 5));
  for (RawClient& c : clients) {
    c.send(whole.substr(half.size() + 5));
    EXPECT_EQ(c.answer().status, 200);
  }
}

TEST_F(Parked, AnswersThatNobodyReadsNeedFewThreads) {
  options.header_timeout = milliseconds(300);
  start();
  std::vector<RawClient> clients;
  const size_t before = threads();
  for (int i = 0; i < 100; ++i) {
    clients.push_back(client());
    clients.back().send("GET /version HTTP/1.1\r\nHost: localhost\r\n");
  }
  ASSERT_TRUE(clients.back().read_until("\r\n\r\n"));
  EXPECT_LT(threads(), before + 80);
  for (RawClient& c : clients) EXPECT_EQ(c.answer().status, 408);
}

TEST_F(Parked, WhoLeavesIsNoticed) {
  next_waits();
  start();
  RawClient c = waiting_client();
  c.close();
  EXPECT_TRUE(soon([&] { return service.generations == 0; }));
  EXPECT_TRUE(soon([&] { return server->in_flight() == 0; }));
}

TEST_F(Parked, PingsGoOnBesideThoseWhoWaitLonger) {
  options.ping = milliseconds(60);
  next_waits();
  start();
  const RawClient silent = client();
  std::this_thread::sleep_for(milliseconds(30));
  RawClient c = waiting_client();
  EXPECT_TRUE(c.read_until(": ping\n\r\n"));
}

TEST_F(Parked, AStopIsSaidToThem) {
  next_waits();
  start();
  RawClient c = waiting_client();
  server->stop();
  EXPECT_EQ(service.generations, 0);
  EXPECT_THAT(c.answer().body, HasSubstr("the server is shutting down"));
}

TEST_F(Parked, AFailureEndsThem) {
  auto bell = next_waits();
  service.script.pieces = {};
  service.script.fails_after = Error{.code = Code::overloaded, .message = "why"};
  start();
  RawClient c = waiting_client();
  bell->ring();
  EXPECT_THAT(c.answer().body, HasSubstr("\"why\""));
}

}  // namespace
}  // namespace weir::http
