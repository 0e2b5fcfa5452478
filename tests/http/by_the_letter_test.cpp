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
  EXPECT_EQ(message(ask("GET /version HTTP/1.1\r\nHost: ::1\r\n\r\n")),
            "the request's Host, \"::1\", is no HOST[:PORT] with an address of IPv6 in brackets");
  EXPECT_EQ(ask("GET /version HTTP/1.0\r\n\r\n").status, 200);
}

/// What is refused, and what the answer says of it.
TEST_F(ByTheLetter, AWrongHeaderIsToldWhatIsWrongWithIt) {
  start();
  const std::string line = "GET /version HTTP/1.1\r\n", host = "Host: localhost\r\n";
  const std::string post = "POST /v1/chat/completions HTTP/1.1\r\n" + host;
  const std::vector<std::pair<std::string, std::string>> wrong{
      {post + "Content-Length: 1\r\nContent-Length: 2\r\n", "more than one Content-Length"},
      {post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
       "both Content-Length and Transfer-Encoding"},
      {post + "Transfer-Encoding: gzip\r\n", "the only Transfer-Encoding taken is chunked"},
      {post + "Content-Length: -1\r\n", "Content-Length is \"-1\", not a number"},
      {line + host + "A: b\r\n c\r\n", "header field A is folded over two lines"},
      {line + " c\r\n", "a blank stands before the name of the first header field"},
      {line + host + "Name : b\r\n", "\"Name \" has a blank before its colon"},
      {line + host + "X A: b\r\n", "\"X A\" is no name of a header field"},
      {line + host + ": b\r\n", "a header field has no name"},
      {line + host + std::string("A: b\0c\r\n", 8), "field A has a control character, 0x00,"},
      {line + host + "A: b\rc\r\n", "field A has a control character, 0x0d,"},
      {line + host + "no colon\r\n", "the line \"no colon\" of the header has no colon"},
      {"get /version HTTP/1.1\r\n" + host, "method \"get\" is not known; it is written GET"},
      {"BREW /version HTTP/1.1\r\n" + host, "method \"BREW\" is not known; GET, HEAD, POST,"},
      {"GET /version\r\n", "the request line \"GET /version\" is not METHOD TARGET HTTP/1.1"},
      {"GET /a b HTTP/1.1\r\n" + host, "target \"/a b\" has a blank or a control character"},
      {"GET /version http/1.1\r\n", "ends with \"http/1.1\"; HTTP/1.1 or HTTP/1.0 is wanted"},
      {line + host + "Accept: ;q=2\r\n", "header field Accept is not a list of media types"},
      {line + host + "Range: bytes=x\r\n", "header field Range is not bytes=FIRST-LAST"}};
  for (const auto& [request, what] : wrong) {
    RawAnswer answer = ask(request + "\r\n");
    EXPECT_EQ(answer.status, 400) << request;
    EXPECT_THAT(message(answer), HasSubstr(what)) << request;
    EXPECT_EQ(answer.headers["connection"], "close") << request;
  }
}

TEST_F(ByTheLetter, AnotherVersionIsA505) {
  start();
  for (const char* version : {"HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/3"}) {
    RawAnswer answer = ask(std::string("GET /version ") + version + "\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(answer.status, 505);
    EXPECT_EQ(answer.reason, "HTTP Version Not Supported");
    EXPECT_EQ(message(answer),
              std::string("version ") + version + " is not spoken; HTTP/1.1 and HTTP/1.0 are");
  }
  EXPECT_EQ(ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 505);
}

TEST_F(ByTheLetter, AMessageRepeatsFewBytesAndOnlyPrintableOnes) {
  start();
  RawAnswer answer = ask("GET /version HTTP/1.1\r\n" + std::string(500, '\xe4') + "\r\n\r\n");
  EXPECT_THAT(message(answer), HasSubstr('"' + std::string(64, '?') + "...\""));
}

TEST_F(ByTheLetter, AnAsteriskAsksAboutTheServer) {
  start();
  RawAnswer answer = ask("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.headers["allow"], "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(ask("OPTIONS * HTTP/1.1\r\nHost: a b\r\n\r\n").status, 400);
  EXPECT_EQ(ask("OPTIONS * HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n").status, 403);
}

TEST_F(ByTheLetter, ABodyIsJsonInUtf8) {
  start();
  const auto asked = [&](const std::string& headers) {
    return ask("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
               std::to_string(kChat.size()) + "\r\n" + headers + "\r\n" + kChat);
  };
  for (const char* charset : {"utf-8", "UTF-8", "\"utf-8\"", "us-ascii"})
    EXPECT_EQ(
        asked(std::string("Content-Type: application/json; charset=") + charset + "\r\n").status,
        200)
        << charset;
  EXPECT_EQ(asked("Content-Type: application/json; a=b; version=1\r\n").status, 200);
  RawAnswer other = asked("Content-Type: application/json; a=b ;Charset=utf-16\r\n");
  EXPECT_EQ(other.status, 415);
  EXPECT_EQ(message(other), "charset utf-16 is not taken; send UTF-8");
  RawAnswer two = asked("Content-Type: application/json\r\nContent-Type: text/plain\r\n");
  EXPECT_EQ(two.status, 400);
  EXPECT_EQ(message(two), "the request has more than one Content-Type");
}

TEST_F(ByTheLetter, ALengthOfManyDigitsIsALength) {
  start();
  const std::string line = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n";
  for (const char* length : {"99999999999999999999999", "18446744073709551617", "16777217"}) {
    RawAnswer answer = ask(line + "Content-Length: " + length + "\r\n\r\n");
    EXPECT_EQ(answer.status, 413) << length;
    EXPECT_EQ(message(answer), std::string("body has ") + length + " bytes; the limit is 16777216");
  }
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

TEST(Secrets, StandWhereTheDialectHasThem) {
  const api::Dialect bearer{.secret_header = "Authorization", .secret_scheme = "Bearer"};
  const api::Dialect plain{.secret_header = "x-api-key", .secret_scheme = ""};
  httplib::Request request;
  EXPECT_EQ(secret_of(request, bearer), "");
  EXPECT_EQ(secret_of(request, plain), "");
  request.headers = {{"Authorization", "bearer  sesame "}, {"X-Api-Key", " open "}};
  EXPECT_EQ(secret_of(request, bearer), "sesame");
  EXPECT_EQ(secret_of(request, plain), "open");
  request.headers = {{"Authorization", "Bearersesame"}, {"x-api-key", ""}};
  EXPECT_EQ(secret_of(request, bearer), "");
  EXPECT_EQ(secret_of(request, plain), "");
}

}  // namespace
}  // namespace weir::http
