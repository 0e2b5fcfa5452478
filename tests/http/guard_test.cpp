// The guard around the connection: limits in time and bytes, framing, and what happens after a
// fault.
#include <thread>

#include "http/server_fixture.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using testing::HasSubstr;

// Long for a busy machine, shorter than the default of each timeout that is set here.
constexpr milliseconds kSoon(8'000);

class Guard : public ServerTest {};

TEST_F(Guard, ASlowHeaderIsCutAtTheDeadlineHoweverSteadyItDrips) {
  options.header_timeout = milliseconds(400);
  start();
  RawClient c = client();
  auto begin = Clock::now();
  c.send("GET /health HTTP/1.1\r\nHost: localhost\r\n");
  // A byte each 20 ms keeps every single read short.
  std::thread dripping([&] {
    for (int i = 0; i < 100 && c.send("a"); ++i) std::this_thread::sleep_for(milliseconds(20));
  });
  RawAnswer answer = c.answer();
  auto spent = Clock::now() - begin;
  EXPECT_EQ(answer.status, 408);
  EXPECT_THAT(answer.body, HasSubstr("the header did not arrive within 400 ms"));
  EXPECT_GE(spent, milliseconds(380));
  dripping.join();
}

TEST_F(Guard, ASlowRequestLineIsCutAtTheDeadlineToo) {
  options.header_timeout = milliseconds(200);
  start();
  RawClient c = client();
  c.send("GET /hea");
  EXPECT_EQ(c.answer().status, 408);
}

TEST_F(Guard, ASilentConnectionIsClosed) {
  options.header_timeout = milliseconds(100);
  start();
  RawClient c = client();
  EXPECT_TRUE(c.ends_within(kSoon));
}

TEST_F(Guard, ASlowBodyIsCutAtTheDeadline) {
  options.body_timeout = milliseconds(300);
  start();
  RawClient c = client();
  c.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
  RawAnswer answer = c.answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_THAT(answer.body, HasSubstr("the body did not arrive within 300 ms"));
}

TEST_F(Guard, ALargeContentLengthIsRefusedBeforeItsBodyComes) {
  options.max_body = 1000;
  start();
  RawClient c = client();
  c.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n");
  RawAnswer answer = c.answer();
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("body has 1001 bytes; the limit is 1000"));
  EXPECT_EQ(answer.headers["connection"], "close");
  EXPECT_EQ(answer.json()["error"]["type"], "invalid_request_error");
  EXPECT_EQ(answer.json()["error"]["code"], "request_too_large");
}

TEST_F(Guard, AClientThatSendsALargeBodyFirstStillReadsTheAnswer) {
  options.max_body = 1000;
  start();
  RawClient c = client();
  EXPECT_TRUE(c.send(post("/v1/chat/completions", std::string(8'000'000, 'x'))));
  EXPECT_EQ(c.answer().status, 413);
}

TEST_F(Guard, AChunkedBodyHasTheSameLimit) {
  options.max_body = 1000;
  start();
  std::string chunk = "100\r\n" + std::string(256, ' ') + "\r\n";
  std::string head =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  RawClient c = client();
  c.send(head);
  for (int i = 0; i < 4; ++i) c.send(chunk);
  RawAnswer answer = c.answer();
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("1000 bytes"));
  EXPECT_TRUE(c.ends_within(kSoon));
}

TEST_F(Guard, AChunkedBodyWithinTheLimitIsTaken) {
  start();
  std::string chunks = "10\r\n" + kChat.substr(0, 16) + "\r\n";
  char size[8];
  std::snprintf(size, sizeof size, "%zx", kChat.size() - 16);
  chunks.append(size).append("\r\n").append(kChat.substr(16)).append("\r\n0\r\n\r\n");
  RawClient c = client();
  for (int i = 0; i < 2; ++i) {
    c.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
        "chunked\r\n\r\n" +
        chunks);
    EXPECT_EQ(c.answer().status, 200);
  }
}

TEST_F(Guard, TheByteBudgetStopsABodyMadeOfTinyChunks) {
  options.max_body = 100'000;
  start();
  RawClient c = client();
  c.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "chunked\r\n\r\n");
  std::string tiny;
  for (int i = 0; i < 60'000; ++i) tiny += "1\r\n \r\n";
  c.send(tiny);
  EXPECT_EQ(c.answer().status, 413);
}

TEST_F(Guard, AmbiguousFramingIsRefusedAndTheRestIsNeverARequest) {
  start();
  const std::string smuggled = "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string line = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n";
  for (const std::string& request : {
           line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
           line + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
           line + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + smuggled,
           line + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + smuggled,
           line + "Content-Length: +2\r\n\r\n{}" + smuggled,
           line + "Content-Length: 2, 2\r\n\r\n{}" + smuggled,
           line + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + smuggled,
           line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
               smuggled,
           line + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled,
           "GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 35\r\n\r\n" + smuggled,
           "GET /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
           "chunked\r\n\r\n0\r\n\r\n" +
               smuggled,
       }) {
    RawClient c = client();
    c.send(request);
    RawAnswer answer = c.answer();
    EXPECT_EQ(answer.status, 400) << request;
    EXPECT_EQ(answer.headers["connection"], "close") << request;
    EXPECT_EQ(answer.json()["error"]["type"], "invalid_request_error");
    EXPECT_TRUE(c.ends_within(kSoon)) << request << c.unread();
  }
}

TEST_F(Guard, APipelinedSecondRequestIsNotReadAndTheClientIsTold) {
  start();
  RawClient c = client();
  c.send(post("/v1/chat/completions", kChat) + get("/version"));
  RawAnswer answer = c.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers["connection"], "close");
  EXPECT_TRUE(c.ends_within(kSoon));
}

TEST_F(Guard, AConnectionServesManyRequestsAlsoAfterRefusals) {
  start();
  RawClient c = client();
  for (int i = 0; i < 5; ++i) {
    c.send(post("/v1/chat/completions", kChat));
    EXPECT_EQ(c.answer().status, 200);
    c.send(post("/v1/chat/completions", "{"));
    EXPECT_EQ(c.answer().status, 400);
    c.send(get("/nowhere"));
    EXPECT_EQ(c.answer().status, 404);
  }
}

TEST_F(Guard, AnIdleConnectionIsClosedAfterKeepAlive) {
  options.keep_alive = milliseconds(200);
  start();
  RawClient c = client();
  c.send(get("/health"));
  EXPECT_EQ(c.answer().status, 200);
  const auto idle = Clock::now();
  EXPECT_TRUE(c.ends_within(kSoon));
  EXPECT_GE(Clock::now() - idle, milliseconds(100));
}

TEST_F(Guard, WithoutKeepAliveEveryAnswerIsTheLast) {
  options.keep_alive = milliseconds(0);
  start();
  RawClient c = client();
  c.send(get("/health"));
  EXPECT_EQ(c.answer().headers["connection"], "close");
  EXPECT_TRUE(c.ends_within(milliseconds(5000)));
}

TEST_F(Guard, BrokenHeadersAreAnsweredInJson) {
  start();
  for (const char* request :
       {"NONSENSE\r\n\r\n", "BREW /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET  HTTP/1.1\r\nHost: localhost\r\n\r\n"}) {
    RawAnswer answer = ask(request);
    EXPECT_EQ(answer.status / 100, 4) << request;
    EXPECT_TRUE(answer.json()["error"]["message"].is_string()) << request;
    EXPECT_EQ(answer.headers["connection"], "close");
  }
}

TEST_F(Guard, HeadersAreBoundInSizeAndNumber) {
  start();
  RawAnswer answer = ask(get("/health", "Cookie: " + std::string(9000, 'a') + "\r\n"));
  EXPECT_EQ(answer.status, 431);
  EXPECT_EQ(answer.reason, "Request Header Fields Too Large");
  EXPECT_EQ(answer.json()["error"]["message"],
            "header field Cookie is over the limit of 8192 bytes");
  EXPECT_EQ(answer.headers["connection"], "close");
  std::string many;
  for (int i = 0; i < 150; ++i) many += "A: b\r\n";
  EXPECT_EQ(ask(get("/health", many)).status, 431);
  std::string large;
  for (int i = 0; i < 90; ++i) large += "A: " + std::string(1000, 'a') + "\r\n";
  EXPECT_EQ(ask(get("/health", large)).status, 431);
}

TEST_F(Guard, LongPathsAreRefused) {
  start();
  EXPECT_EQ(ask(get("/" + std::string(2000, 'a'))).status, 400);
  EXPECT_EQ(ask(get("/" + std::string(20'000, 'a'))).status / 100, 4);
}

TEST_F(Guard, CodedBodiesAndOtherTypesAreRefused) {
  start();
  EXPECT_EQ(ask(post("/v1/chat/completions", kChat, "Content-Encoding: gzip\r\n")).status, 415);
  std::string head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                     std::to_string(kChat.size()) + "\r\n";
  EXPECT_EQ(ask(head + "Content-Type: text/xml\r\n\r\n" + kChat).status, 415);
  EXPECT_EQ(ask(head + "Content-Type: multipart/form-data; boundary=x\r\n\r\n" + kChat).status,
            415);
  EXPECT_EQ(ask(head + "Content-Type: Application/JSON; charset=utf-8\r\n\r\n" + kChat).status,
            200);
  EXPECT_EQ(ask(head + "\r\n" + kChat).status, 200);
}

TEST_F(Guard, CurlsFormTypeIsTakenAtAnySize) {
  start();
  std::string body =
      kChat.substr(0, kChat.size() - 1) + R"(,"user":")" + std::string(50'000, 'u') + "\"}";
  EXPECT_EQ(ask("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                "application/x-www-form-urlencoded\r\n"
                "Content-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body)
                .status,
            200);
}

TEST_F(Guard, ExpectContinueIsAnsweredOnlyWhenTheBodyIsWanted) {
  options.max_body = 1000;
  start();
  RawClient c = client();
  c.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: "
      "100-continue\r\nContent-Length: " +
      std::to_string(kChat.size()) + "\r\n\r\n");
  EXPECT_EQ(c.answer().status, 100);
  c.send(kChat);
  EXPECT_EQ(c.answer().status, 200);
  EXPECT_EQ(ask("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: "
                "100-continue\r\nContent-Length: "
                "5000\r\n\r\n")
                .status,
            413);
}

TEST_F(Guard, OverTheCapOnlyTheOpenRoutesAreServed) {
  options.max_connections = 2;
  start();
  RawClient first = client(), second = client();
  for (RawClient* c : {&first, &second}) {
    c->send(get("/health"));
    EXPECT_EQ(c->answer().status, 200);
  }
  RawAnswer health = ask(get("/health"));
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.headers["connection"], "close");
  RawAnswer refused = ask(post("/v1/chat/completions", kChat));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json()["error"]["code"], "overloaded");
  EXPECT_EQ(refused.headers["retry-after"], "1");
  second.close();
  EXPECT_TRUE(soon([&] { return ask(post("/v1/chat/completions", kChat)).status == 200; }));
}

TEST_F(Guard, SilentConnectionsOverTheCapDoNotHoldUpHealth) {
  options.max_connections = 1;
  start();
  RawClient held = client();
  held.send(get("/health"));
  EXPECT_EQ(held.answer().status, 200);
  std::vector<RawClient> silent;
  for (int i = 0; i < 12; ++i) silent.push_back(client());
  silent[0].send("GET /he");  // and one that drips
  EXPECT_EQ(ask(get("/health")).status, 200);
}

TEST_F(Guard, AConnectionThatReadsNothingIsCutAfterTheWriteTimeout) {
  options.write_timeout = milliseconds(300);
  service.script.pieces.assign(400, std::string(60'000, 'x'));
  start();
  RawClient c = client();
  c.send(post("/v1/chat/completions", kChatStream));
  EXPECT_TRUE(soon([&] { return service.generations == 1; }));
  EXPECT_TRUE(soon([&] { return service.generations == 0; }));
}

TEST_F(Guard, TwoServersCannotShareAPort) {
  start();
  ServerOptions same = options;
  same.port = server->port();
  auto second = Server::start(same, service, metrics);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("cannot listen on 127.0.0.1 port"));
}

}  // namespace
}  // namespace weir::http
