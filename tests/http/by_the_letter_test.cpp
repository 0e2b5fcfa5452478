// What RFC 9110 and 9112 say of requests and answers, where clients depend on it.
#include "http/http_date.h"
#include "http/request_checks.h"
#include "http/server_fixture.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::MatchesRegex;

class ByTheLetter : public ServerTest {
 protected:
  static std::string message(const RawAnswer& answer) { return answer.json()["error"]["message"]; }
};

TEST_F(ByTheLetter, AnAbsoluteTargetIsItsPathAndItsHost) {
  start();
  for (const char* target : {"http://localhost:8080/version", "HTTP://localhost/version?a=b",
                             "https://127.0.0.1/version"}) {
    const std::string line = std::string("GET ") + target + " HTTP/1.1\r\n";
    EXPECT_EQ(ask(line + "Host: elsewhere.example\r\n\r\n").status, 200) << target;
  }
  EXPECT_EQ(ask("GET http://localhost HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 404);
  EXPECT_EQ(ask("GET http://localhost?a HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 404);
  EXPECT_EQ(ask("GET http://elsewhere.example/version HTTP/1.1\r\nHost: localhost\r\n\r\n").status,
            403);
  EXPECT_EQ(ask("GET http://localhost/v1/models/org%2Fmini HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .json()["id"],
            "org/mini");
}

TEST_F(ByTheLetter, ARequestHasOneHost) {
  start();
  EXPECT_EQ(message(ask("GET /version HTTP/1.1\r\n\r\n")),
            "the request has no Host, which HTTP/1.1 wants");
  EXPECT_EQ(message(ask(get("/version", "Host: localhost\r\n"))),
            "the request has more than one Host");
  EXPECT_EQ(ask("GET http://localhost/version HTTP/1.1\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /version HTTP/1.1\r\nHost: a b\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /version HTTP/1.0\r\n\r\n").status, 200);
}

TEST_F(ByTheLetter, EmptyLinesBeforeARequestAreSkipped) {
  start();
  RawClient c = client();
  c.send("\r\n\r\n" + get("/version"));
  EXPECT_EQ(c.answer().status, 200);
  c.send("\r");
  std::this_thread::sleep_for(milliseconds(20));
  c.send("\n");
  std::this_thread::sleep_for(milliseconds(20));
  c.send(get("/version"));
  EXPECT_EQ(c.answer().status, 200);
}

TEST_F(ByTheLetter, SeveralBlanksMayStandBeforeAKey) {
  service.wanted_key = "sesame";
  start();
  for (const char* key : {"Bearer sesame", "bearer  sesame", "BEARER    sesame "}) {
    EXPECT_EQ(ask(get("/v1/models", std::string("Authorization: ") + key + "\r\n")).status, 200)
        << key;
  }
  for (const char* key : {"Bearersesame", "Bearer", "Bearer ", "Basic sesame"}) {
    RawAnswer answer = ask(get("/v1/models", std::string("Authorization: ") + key + "\r\n"));
    EXPECT_EQ(answer.status, 401) << key;
    EXPECT_EQ(answer.headers["www-authenticate"], "Bearer");
  }
}

TEST_F(ByTheLetter, APostSaysHowLongItsBodyIs) {
  start();
  RawClient c = client();
  c.send("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n\r\n" + kChat);
  RawAnswer answer = c.answer();
  EXPECT_EQ(answer.status, 411);
  EXPECT_EQ(answer.reason, "Length Required");
  EXPECT_THAT(message(answer), HasSubstr("send Content-Length or chunks"));
  EXPECT_EQ(answer.headers["connection"], "close");
  EXPECT_TRUE(c.ends_within(milliseconds(5000)));
}

TEST_F(ByTheLetter, EveryAnswerHasADate) {
  start();
  const auto is_date = MatchesRegex("[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT");
  for (const std::string& request :
       {get("/version"), get("/nowhere"), post("/v1/chat/completions", kChatStream),
        std::string("NONSENSE\r\n\r\n"), get("/", "A: " + std::string(9000, 'a') + "\r\n")}) {
    EXPECT_THAT(ask(request).headers["date"], is_date) << request.substr(0, 40);
  }
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST_F(ByTheLetter, ABodyThatIsCutShortIsA400) {
  start();
  RawClient c = client();
  c.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"a\"");
  c.half_close();
  RawAnswer answer = c.answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(message(answer), "the body ended after 4 of 100 bytes");
  RawClient chunked = client();
  chunked.send(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
      "Transfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n");
  chunked.half_close();
  EXPECT_EQ(message(chunked.answer()), "the body ended before its last chunk");
}

/// Whoever closes its sending side waits for nothing: its work ends, and nothing is written.
TEST_F(ByTheLetter, AHalfClosedClientIsToldNothing) {
  service.script.silent = true;
  start();
  for (const std::string& body : {kChat, kChatStream}) {
    RawClient c = client();
    c.send(post("/v1/chat/completions", body));
    EXPECT_TRUE(soon([&] { return service.generations == 1; }));
    c.half_close();
    RawAnswer answer = c.answer();
    EXPECT_EQ(answer.status, 0) << answer.reason;
    EXPECT_EQ(c.unread(), "");
    EXPECT_TRUE(soon([&] { return service.generations == 0; }));
  }
}

TEST_F(ByTheLetter, AHalfClosedClientThatAskedSomethingQuickIsAnswered) {
  start();
  RawClient c = client();
  c.send(get("/v1/models"));
  c.half_close();
  EXPECT_EQ(c.answer().status, 200);
}

TEST_F(ByTheLetter, EachStatusHasItsName) {
  start();
  const std::map<int, std::pair<Code, std::string>> named{
      {400, {Code::invalid_argument, "Bad Request"}},
      {401, {Code::unauthenticated, "Unauthorized"}},
      {403, {Code::permission_denied, "Forbidden"}},
      {404, {Code::not_found, "Not Found"}},
      {405, {Code::method_not_allowed, "Method Not Allowed"}},
      {413, {Code::too_large, "Payload Too Large"}},
      {415, {Code::unsupported_media, "Unsupported Media Type"}},
      {429, {Code::rate_limited, "Too Many Requests"}},
      {500, {Code::internal, "Internal Server Error"}},
      {503, {Code::cancelled, "Service Unavailable"}},  // of a client that is still there
      {504, {Code::deadline, "Gateway Timeout"}}};
  for (const auto& [status, what] : named) {
    service.refusal = Error{.code = what.first, .message = "why"};
    RawAnswer answer = ask(post("/v1/chat/completions", kChat));
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.reason, what.second);
  }
}

}  // namespace
}  // namespace weir::http
