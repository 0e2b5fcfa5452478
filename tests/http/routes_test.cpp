// Routing, keys, headers, the other routes, and the server's life.
#include <cstring>
#include <set>
#include <sstream>

#include "http/server_fixture.h"
#include "weir/base/log.h"

namespace weir::http {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class Routes : public ServerTest {};

TEST_F(Routes, UnknownRoutesAndMethodsAreNamed) {
  start();
  RawAnswer unknown = ask(get("/v2/chat"));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.json(),
            json::parse(R"({"error":{"message":"no route /v2/chat","type":"invalid_request_error",
                                            "param":null,"code":"not_found"}})"));
  RawAnswer wrong = ask(get("/v1/chat/completions"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers["allow"], "POST");
  EXPECT_EQ(ask(post("/health", "")).headers["allow"], "GET, HEAD");
  EXPECT_EQ(ask("DELETE /v1/models/tiny HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 405);
  EXPECT_EQ(ask(get("/v1/chat/completions/")).status, 404);
}

TEST_F(Routes, OpenRoutesWantNoKeyAndTheOthersDo) {
  service.wanted_key = "sesame";
  start();
  for (const char* path : {"/health", "/ready", "/metrics", "/version", "/openapi.json", "/docs"}) {
    EXPECT_EQ(ask(get(path)).status, 200) << path;
  }
  for (const std::string& request : {get("/v1/models"), post("/v1/chat/completions", kChat),
                                     post("/tokenize", R"({"prompt":"a"})"),
                                     get("/v1/models", "Authorization: Bearer wrong\r\n"),
                                     get("/v1/models", "Authorization: Basic sesame\r\n")}) {
    RawAnswer answer = ask(request);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.headers["www-authenticate"], "Bearer");
    EXPECT_EQ(answer.json()["error"]["code"], "invalid_api_key");
  }
  EXPECT_EQ(ask(get("/v1/models", "Authorization: bearer sesame\r\n")).status, 200);
}

TEST_F(Routes, EveryAnswerHasARequestId) {
  start();
  std::set<std::string> ids;
  for (const std::string& request :
       {get("/health"), get("/nowhere"), post("/v1/chat/completions", "{"),
        post("/v1/chat/completions", kChatStream), std::string("bad\r\n\r\n"),
        get("/health", "x-request-id: has space\r\n"),
        get("/health", "x-request-id: " + std::string(129, 'a') + "\r\n")}) {
    std::string id = ask(request).headers["x-request-id"];
    EXPECT_THAT(id, MatchesRegex("req-[0-9a-f]{16}")) << request;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 7u);
  std::string own = "A-b_c.d:9" + std::string(119, 'x');
  EXPECT_EQ(ask(post("/v1/chat/completions", kChat, "x-request-id: " + own + "\r\n"))
                .headers["x-request-id"],
            own);
  EXPECT_EQ(service.last_caller.request_id, own);
}

TEST_F(Routes, WaitAndDeadlineReachTheService) {
  start();
  json body = json::parse(kChat);
  body["timeout"] = 2;
  ask(post("/v1/chat/completions", body.dump(),
           "x-weir-max-wait-ms: 0\r\nx-weir-deadline-ms: 1500\r\n"));
  EXPECT_EQ(service.last_caller.max_wait, milliseconds(0));
  EXPECT_EQ(service.last_caller.timeout, milliseconds(1500));
  body["timeout"] = 0.25;
  ask(post("/v1/chat/completions", body.dump(), "x-weir-deadline-ms: 1500\r\n"));
  EXPECT_FALSE(service.last_caller.max_wait);
  EXPECT_EQ(service.last_caller.timeout, milliseconds(250));
  EXPECT_FALSE(service.last_caller.priority);
  body["priority"] = 2;
  ask(post("/v1/chat/completions", body.dump()));
  EXPECT_EQ(service.last_caller.priority, 2);
  for (const char* header :
       {"x-weir-dry-run: yes", "x-weir-dry-run: 1", "x-weir-max-wait-ms: soon",
        "x-weir-max-wait-ms: -1", "x-weir-max-wait-ms: 1.5", "x-weir-deadline-ms: 0",
        "x-weir-deadline-ms: 99999999999", "x-weir-deadline-ms: 0x5"}) {
    RawAnswer answer = ask(post("/v1/chat/completions", kChat, std::string(header).append("\r\n")));
    EXPECT_EQ(answer.status, 400) << header;
    EXPECT_EQ(answer.json()["error"]["param"], std::string(header).substr(0, strcspn(header, ":")));
  }
}

TEST_F(Routes, Models) {
  start();
  json list = ask(get("/v1/models")).json();
  EXPECT_EQ(list["object"], "list");
  EXPECT_EQ(list["data"][0],
            json::parse(R"({"id":"tiny","object":"model","created":1700000000,"owned_by":"weir",
    "kind":"generate","tasks":["generate"],"max_model_len":2048,"architecture":"llama","dtype":"float32"})"));
  EXPECT_EQ(list["data"].size(), 2u);
  EXPECT_EQ(ask(get("/v1/models/tiny")).json(), list["data"][0]);
  EXPECT_EQ(ask(get("/v1/models/org/mini")).json(), list["data"][1]);
  EXPECT_EQ(ask(get("/v1/models/org%2Fmini")).json(), list["data"][1]);
  RawAnswer missing = ask(get("/v1/models/nope"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.json()["error"]["code"], "model_not_found");
  EXPECT_EQ(missing.json()["error"]["param"], "model");
}

TEST_F(Routes, AnEncoderDecoderTellsTheLengthOfItsSources) {
  service.max_source_len = 512;
  start();
  const json model = ask(get("/v1/models/tiny")).json();
  EXPECT_EQ(model["max_source_len"], 512);
  EXPECT_EQ(model["max_model_len"], 2048);
  EXPECT_EQ(ask(post("/tokenize", R"({"prompt":"ab"})")).json()["max_source_len"], 512);
}

TEST_F(Routes, LabelsSpansAndSeveralAnswers) {
  start();
  const json labels =
      json::parse(R"([{"label":"good","score":0.75},{"label":"bad","score":0.25}])");
  const json spans = json::parse(R"([{"label":"PER","start":0,"end":1,"text":"a","score":0.5}])");
  json body = ask(post("/v1/classify", R"({"input":["a",["b","c"]]})")).json();
  EXPECT_EQ(body["object"], "list");
  EXPECT_EQ(body["model"], "mini");
  EXPECT_EQ(body["usage"], json::parse(R"({"prompt_tokens":9,"total_tokens":9})"));
  EXPECT_EQ(body["data"][1], (json{{"index", 1}, {"labels", labels}}));
  body = ask(post("/v1/tag", R"({"input":"a"})")).json();
  EXPECT_EQ(body["data"], json::array({{{"index", 0}, {"spans", spans}}}));
  body = ask(post("/v1/analyze", R"({"input":"a","tasks":{"embed":{},"classify":{},"tag":{}}})"))
             .json();
  EXPECT_EQ(
      body["data"],
      json::array(
          {{{"index", 0}, {"embedding", {0.1, -1.0, 0.0}}, {"labels", labels}, {"spans", spans}}}));
  body = ask(post("/v1/analyze", R"({"input":"a","tasks":{"tag":{}}})")).json();
  EXPECT_EQ(body["data"], json::array({{{"index", 0}, {"spans", spans}}}));
}

TEST_F(Routes, EmbeddingsAsFloatsAndAsBase64) {
  start();
  RawAnswer answer = ask(post("/v1/embeddings", R"({"model":"mini","input":["a","b"]})"));
  json body = answer.json();
  EXPECT_THAT(body["id"].get<std::string>(), MatchesRegex("embd-[0-9a-f]{24}"));
  EXPECT_EQ(body["object"], "list");
  EXPECT_EQ(body["model"], "mini");
  EXPECT_EQ(body["usage"], json::parse(R"({"prompt_tokens":9,"total_tokens":9})"));
  EXPECT_EQ(body["data"][1]["object"], "embedding");
  EXPECT_EQ(body["data"][1]["index"], 1);
  EXPECT_EQ(body["data"][1]["embedding"].get<std::vector<float>>(),
            (std::vector<float>{0.1f, -1.0f, 1.0f}));
  EXPECT_EQ(answer.headers["x-weir-model"], "mini");
  EXPECT_THAT(answer.headers["server-timing"], HasSubstr("prefill;dur="));
  json coded = ask(post("/v1/embeddings", R"({"input":"a","encoding_format":"base64"})")).json();
  EXPECT_EQ(coded["data"][0]["embedding"], "zczMPQAAgL8AAAAA");
}

TEST_F(Routes, TokenizeAndDetokenize) {
  start();
  EXPECT_EQ(
      ask(post("/tokenize", R"({"model":"tiny","prompt":"ab","return_token_strs":true})")).json(),
      json::parse(
          R"({"model":"tiny","count":2,"max_model_len":2048,"tokens":[5,6],"token_strs":["a","�"]})"));
  EXPECT_FALSE(ask(post("/tokenize", R"({"prompt":"ab"})")).json().contains("token_strs"));
  EXPECT_EQ(ask(post("/detokenize", R"({"tokens":[5,6,7]})")).json(),
            json::parse(R"({"prompt":"ids:3"})"));
}

TEST_F(Routes, HealthReadyMetricsVersion) {
  start();
  EXPECT_EQ(ask(get("/health")).json(), json::parse(R"({"status":"ok"})"));
  EXPECT_EQ(ask(get("/ready")).json(),
            json::parse(R"({"status":"ready","models":[{"name":"tiny","phase":"packing",
                                                       "percent":42,"estimated_seconds":7}]})"));
  EXPECT_EQ(ask(get("/version")).json(), json::parse(R"({"version":"1.2.3"})"));
  RawAnswer scrape = ask(get("/metrics"));
  EXPECT_THAT(scrape.body, HasSubstr("# TYPE weir_http_connections gauge\n"));
  EXPECT_EQ(scrape.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  service.ready = false;
  RawAnswer loading = ask(get("/ready"));
  EXPECT_EQ(loading.status, 503);
  EXPECT_EQ(loading.json()["status"], "loading");
  EXPECT_EQ(loading.headers["retry-after"], "5");
  service.alive = false;
  EXPECT_EQ(ask(get("/health")).status, 503);
  RawAnswer head = [&] {
    RawClient c = client();
    c.send("HEAD /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    c.read_until("\r\n\r\n");
    return RawAnswer{.body = c.unread()};
  }();
  EXPECT_THAT(head.body, HasSubstr("200 OK"));
  EXPECT_THAT(head.body, Not(HasSubstr("1.2.3")));
}

TEST_F(Routes, AnExceptionTellsNothing) {
  service.throws = true;
  start();
  RawAnswer answer = ask(get("/health"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, Not(HasSubstr("secret")));
  for (const auto& [name, value] : answer.headers)
    EXPECT_THAT(value, Not(HasSubstr("secret"))) << name;
}

TEST_F(Routes, EveryCodeHasItsStatusTypeAndHeaders) {
  start();
  struct Row {
    Error error;
    int status;
    const char *type, *code, *retry_after, *should_retry;
  };
  const std::vector<Row> rows{
      {{.code = Code::invalid_argument}, 400, "invalid_request_error", nullptr, "", ""},
      {{.code = Code::permission_denied},
       403,
       "invalid_request_error",
       "insufficient_permissions",
       "",
       ""},
      {{.code = Code::not_found, .param = "model"},
       404,
       "invalid_request_error",
       "model_not_found",
       "",
       ""},
      {{.code = Code::rate_limited, .retry_after = milliseconds(2001), .limit_unit = "tokens"},
       429,
       "tokens",
       "rate_limit_exceeded",
       "3",
       ""},
      {{.code = Code::rate_limited,
        .retry_after = milliseconds(86'400'000),
        .limit_unit = "tokens",
        .never_retry = true},
       429,
       "tokens",
       "insufficient_quota",
       "86400",
       "false"},
      {{.code = Code::never_fits, .limit_unit = "tokens"},
       429,
       "tokens",
       "rate_limit_exceeded",
       "",
       "false"},
      {{.code = Code::overloaded}, 503, "server_error", "overloaded", "1", ""},
      {{.code = Code::unavailable}, 503, "server_error", "unavailable", "5", ""},
      {{.code = Code::unavailable, .name = "model_failed", .never_retry = true},
       503,
       "server_error",
       "model_failed",
       "",
       "false"},
      {{.code = Code::deadline}, 504, "server_error", "deadline_exceeded", "", "false"},
      {{.code = Code::internal}, 500, "server_error", "internal_error", "", ""},
  };
  for (const Row& row : rows) {
    service.refusal = row.error;
    service.refusal->message = "why";
    RawAnswer answer = ask(post("/v1/chat/completions", kChat));
    EXPECT_EQ(answer.status, row.status);
    json error = answer.json()["error"];
    EXPECT_EQ(error["type"], row.type);
    EXPECT_EQ(error["code"], row.code ? json(row.code) : json());
    EXPECT_EQ(error["message"] == "why", row.error.code != Code::internal);
    EXPECT_EQ(error["param"], row.error.param.empty() ? json() : json(row.error.param));
    EXPECT_EQ(answer.headers["retry-after"], row.retry_after) << row.status;
    EXPECT_EQ(answer.headers["x-should-retry"], row.should_retry) << row.status;
  }
}

TEST_F(Routes, ARefusalSaysWhereTheRequestStood) {
  service.refusal = Error{.code = Code::overloaded,
                          .message = "full",
                          .queue_position = 65,
                          .predicted_wait = milliseconds(4200)};
  start();
  RawAnswer answer = ask(post("/v1/chat/completions", kChatStream));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers["x-weir-queue-position"], "65");
  EXPECT_EQ(answer.headers["x-weir-predicted-wait-ms"], "4200");
}

TEST_F(Routes, OverloadMayHaveTheStatusThatAGatewayKnows) {
  options.overload_status = 429;
  start();
  service.refusal = Error{.code = Code::overloaded, .message = "full"};
  RawAnswer full = ask(post("/v1/chat/completions", kChat));
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(full.json()["error"]["code"], "overloaded");
  EXPECT_EQ(full.headers["retry-after"], "1");
  service.refusal = Error{.code = Code::unavailable, .message = "loading"};
  EXPECT_EQ(ask(post("/v1/chat/completions", kChat)).status, 503);
}

TEST_F(Routes, QueryAndAcceptReachTheRoute) {
  start();
  RawAnswer answer = ask(get("/v1/usage?from=2026-11-01&model=a%2Fb", "Accept: text/csv\r\n"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.headers["content-type"], testing::StartsWith("text/csv"));
  EXPECT_EQ(service.last_usage.from, "2026-11-01");
  EXPECT_EQ(service.last_usage.model, "a/b");
}

TEST_F(Routes, TheDocumentsCommandsNameTheHostThatWasAsked) {
  start();
  RawAnswer answer = ask("GET /docs HTTP/1.1\r\nHost: localhost:81\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers["content-type"], "text/html; charset=utf-8");
  EXPECT_THAT(answer.body, HasSubstr("curl 'http://localhost:81/v1/models'"));
  EXPECT_EQ(ask(get("/openapi.json")).json()["info"]["version"], "1.2.3");
  EXPECT_EQ(ask("GET /docs HTTP/1.1\r\nHost: rebound.example\r\n\r\n").status, 403);
}

TEST_F(Routes, CorsOnlyForListedOrigins) {
  options.cors_origins = {"https://a.example"};
  start();
  RawAnswer good = ask(get("/v1/models", "Origin: https://a.example\r\n"));
  EXPECT_EQ(good.headers["access-control-allow-origin"], "https://a.example");
  EXPECT_EQ(ask(get("/v1/models", "Origin: https://b.example\r\n"))
                .headers.count("access-control-allow-origin"),
            0u);
  RawAnswer preflight = ask(
      "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n"
      "Access-Control-Request-Method: POST\r\n\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.headers["access-control-allow-origin"], "https://a.example");
  EXPECT_THAT(preflight.headers["access-control-allow-headers"], HasSubstr("Authorization"));
}

TEST_F(Routes, RequestsAreCountedByRouteAndStatus) {
  start();
  ask(get("/v1/models"));
  ask(get("/a"));
  ask(get("/b"));
  EXPECT_TRUE(soon([&] {
    std::string text = metrics.text();
    return text.find("weir_http_requests_total{route=\"/v1/models\",status=\"200\"} 1\n") !=
               std::string::npos &&
           text.find("weir_http_requests_total{route=\"none\",status=\"404\"} 2\n") !=
               std::string::npos &&
           text.find("weir_http_connections 0\n") != std::string::npos;
  }));
}

std::vector<nlohmann::json> parsed_lines(const std::string& log) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(log);
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST_F(Routes, ARefusalIsLoggedWithoutWhatTheClientSent) {
  start();
  testing::internal::CaptureStderr();
  ASSERT_TRUE(start_log(LogFormat::json, "info"));
  ask(post("/v1/chat/completions", R"({"messages":[{"role":"s3cret","content":"s3cret"}]})",
           "x-request-id: mine\r\n"));
  ask(get("/nowhere?s3cret"));
  ask(get("/health"));
  ask(post("/v1/chat/completions", R"({"s3cret})"));
  EXPECT_TRUE(soon([&] { return server->in_flight() == 0; }));
  EXPECT_TRUE(drain_log(std::chrono::seconds(20)));
  std::string log = testing::internal::GetCapturedStderr();
  const std::vector<nlohmann::json> lines = parsed_lines(log);
  ASSERT_EQ(lines.size(), 3u) << log;  // of a probe there is none
  EXPECT_EQ(lines[0]["event"], "request");
  EXPECT_EQ(lines[0]["method"], "POST");
  EXPECT_EQ(lines[0]["path"], "/v1/chat/completions");
  EXPECT_EQ(lines[0]["status"], 400);
  EXPECT_GE(lines[0]["ms"].get<double>(), 0);
  EXPECT_EQ(lines[0]["code"], "invalid_argument");
  EXPECT_EQ(lines[0]["error"], "messages[0].role");
  EXPECT_EQ(lines[0]["key"], "a key");
  EXPECT_EQ(lines[0]["id"], "mine");
  EXPECT_EQ(lines[0]["peer"], "127.0.0.1");
  EXPECT_EQ(lines[1]["path"], "/nowhere");
  EXPECT_EQ(lines[1]["status"], 404);
  EXPECT_EQ(lines[1]["code"], "not_found");
  EXPECT_THAT(log, Not(HasSubstr("s3cret")));
}

TEST_F(Routes, AnAnnouncedDrainIsSeenByReadyAlone) {
  start();
  server->announce_drain();
  RawAnswer ready = ask(get("/ready"));
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.json()["status"], "draining");
  EXPECT_EQ(ask(get("/health")).status, 200);
  RawAnswer answer = ask(post("/v1/chat/completions", kChat));
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.headers["connection"], "close");
}

TEST_F(Routes, DrainRefusesNewWorkAndLetsTheRestRun) {
  service.script.pause = milliseconds(80);
  start();
  RawClient running = client();
  running.send(post("/v1/chat/completions", kChatStream));
  ASSERT_TRUE(running.read_until("assistant"));
  EXPECT_EQ(server->in_flight(), 1u);
  server->drain();
  RawAnswer refused = ask(post("/v1/chat/completions", kChat));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json()["error"]["code"], "unavailable");
  EXPECT_EQ(refused.headers["retry-after"], "5");
  EXPECT_EQ(refused.headers["connection"], "close");
  RawAnswer ready = ask(get("/ready"));
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.json()["status"], "draining");
  EXPECT_EQ(ask(get("/health")).status, 200);
  EXPECT_EQ(events(running.answer().body).back(), "[DONE]");
  EXPECT_TRUE(soon([&] { return server->in_flight() == 0; }));
}

TEST_F(Routes, StopEndsEverythingSoon) {
  options.ping = milliseconds(50);
  service.script.silent = true;
  service.blocks = true;
  start();
  RawClient stream = client(), whole = client(), embedding = client(), idle = client();
  stream.send(post("/v1/chat/completions", kChatStream));
  whole.send(post("/v1/chat/completions", kChat));
  embedding.send(post("/v1/embeddings", R"({"input":"a"})"));
  idle.send(get("/health"));
  EXPECT_EQ(idle.answer().status, 200);
  ASSERT_TRUE(stream.read_until(": ping"));
  ASSERT_TRUE(soon([&] { return server->in_flight() == 3; }));
  auto begin = std::chrono::steady_clock::now();
  server->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(10000));
  EXPECT_EQ(service.generations, 0);
  json last = json::parse(events(stream.answer().body).back());
  EXPECT_EQ(last["error"]["code"], "unavailable");
  EXPECT_EQ(whole.answer().status, 503);
  EXPECT_EQ(embedding.answer().status, 503);
  EXPECT_TRUE(idle.ends_within(milliseconds(100)));
  EXPECT_EQ(client().answer().status, 0);
}

}  // namespace
}  // namespace weir::http
