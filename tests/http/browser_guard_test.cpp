// A web page that uses its reader's browser against a daemon on loopback that wants no key.
#include "http/browser_guard.h"

#include "http/host.h"
#include "http/server_fixture.h"

namespace weir::http {
namespace {

using testing::HasSubstr;

class ForeignPage : public ServerTest {
 protected:
  RawAnswer at_host(const std::string& host) {
    return ask("GET /v1/models HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  }
  /// A chat request with these header lines and no other but its length.
  RawAnswer posted(const std::string& headers) {
    return ask("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: " +
               std::to_string(kChat.size()) + "\r\n" + headers + "\r\n" + kChat);
  }
  static std::string code(const RawAnswer& answer) { return answer.json()["error"]["code"]; }

  const std::string form_ = "Content-Type: application/x-www-form-urlencoded\r\n";
};

TEST(HostName, IsAHostWithOrWithoutAPort) {
  for (const char* host :
       {"", "a.example", "a.example.", "a_b-c:80", "localhost:", "127.0.0.1:65535", "[::1]",
        "[::1]:8080", "[fe80::1%eth0]:1", "xn--bcher-kva.example"})
    EXPECT_TRUE(is_host(host)) << host;
  for (const char* host :
       {"localhost:evil", "127.0.0.1:99999", "[::1", "::1", "[", "[]", "[a]", "[::1]x", "[::1]:x",
        "a:1:2", ":80", "a b", "a,b", "a@b", "a/b", "a\x01"})
    EXPECT_FALSE(is_host(host)) << host;
}

TEST(HostName, HasNeitherPortNorBracketsNorTheLastDot) {
  EXPECT_EQ(host_name("a.example:8080"), "a.example");
  EXPECT_EQ(host_name("a.example"), "a.example");
  EXPECT_EQ(host_name("[::1]:8080"), "::1");
  EXPECT_EQ(host_name("[::1]"), "::1");
  EXPECT_EQ(host_name("localhost."), "localhost");
  EXPECT_EQ(host_name("localhost.:80"), "localhost");
  EXPECT_EQ(host_name(""), "");
}

TEST_F(ForeignPage, WhoseNamePointsAtUsIsNotAnswered) {
  start();
  for (const char* host : {"attacker.example:8080", "attacker.example", "127.attacker.example",
                           "127.0.0.1.attacker.example", "localhost.attacker.example", "128.0.0.1",
                           "[::2]", "[::ffff:128.0.0.1]", ""}) {
    RawAnswer answer = at_host(host);
    EXPECT_EQ(answer.status, 403) << host;
    EXPECT_EQ(code(answer), "host_not_allowed") << host;
  }
  const auto error = at_host("attacker.example:8080").json()["error"];
  EXPECT_THAT(error["message"], HasSubstr("host \"attacker.example\" is not taken"));
  EXPECT_EQ(error["param"], "Host");
  EXPECT_EQ(ask("GET /metrics HTTP/1.1\r\nHost: attacker.example\r\n\r\n").status, 403);
}

TEST_F(ForeignPage, NamesOfLoopbackAndThoseListedAreTaken) {
  options.allowed_hosts = {"box.lan"};
  start();
  for (const char* host : {"localhost", "LocalHost:1", "127.0.0.1:8080", "127.8.9.10", "[::1]:8080",
                           "localhost.", "[::ffff:127.0.0.1]:80", "box.lan:80", "BOX.lan"}) {
    EXPECT_EQ(at_host(host).status, 200) << host;
  }
}

TEST_F(ForeignPage, AnyNameIsTakenWhereAKeyIsWanted) {
  service.wanted_key = "sesame";
  start();
  EXPECT_EQ(
      ask("GET /v1/models HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer sesame\r\n\r\n")
          .status,
      200);
}

TEST_F(ForeignPage, AnyNameIsTakenIfTheOwnerSaysSo) {
  options.allowed_hosts = {"*"};
  start();
  EXPECT_EQ(at_host("weir.pod.cluster").status, 200);
}

TEST_F(ForeignPage, MayNotPostWhatABrowserPostsUnasked) {
  start();
  for (const std::string& headers : {
           form_ + "Origin: https://attacker.example\r\n", form_ + "Origin: null\r\n",
           form_ + "Origin: http://localhost:3000\r\n", form_ + "Sec-Fetch-Site: cross-site\r\n",
           std::string("Content-Type: text/plain\r\nOrigin: https://attacker.example\r\n"),
           std::string("Content-Type: text/plain\r\nSec-Fetch-Site: cross-site\r\n"),
           std::string("Origin: https://attacker.example\r\n"),  // a Blob without a type
       }) {
    RawAnswer answer = posted(headers);
    EXPECT_EQ(answer.status, 403) << headers;
    EXPECT_EQ(code(answer), "origin_not_allowed") << headers;
  }
  EXPECT_EQ(service.generations, 0);
}

TEST_F(ForeignPage, ItsJsonIsTheBrowsersToRefuse) {
  start();
  EXPECT_EQ(posted("Content-Type: application/json\r\nOrigin: app://editor\r\n").status, 200);
}

TEST_F(ForeignPage, OfAListedOriginMayPost) {
  options.cors_origins = {"https://a.example"};
  start();
  RawAnswer answer = posted(form_ + "Origin: https://a.example\r\nSec-Fetch-Site: cross-site\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers["access-control-allow-origin"], "https://a.example");
  EXPECT_EQ(posted(form_ + "Origin: https://b.example\r\n").status, 403);
}

TEST_F(ForeignPage, IsNoneIfItIsOurOwnOrNoPageAtAll) {
  start();
  EXPECT_EQ(posted(form_).status, 200);  // what `curl -d` sends
  EXPECT_EQ(
      posted(form_ + "Origin: http://localhost:8080\r\nSec-Fetch-Site: same-origin\r\n").status,
      200);
}

}  // namespace
}  // namespace weir::http
