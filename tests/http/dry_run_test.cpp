// What a request would cost, without running it.
#include "http/server_fixture.h"

namespace weir::http {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

const std::string kDry = "x-weir-dry-run: true\r\n";

class DryRuns : public ServerTest {
 protected:
  DryRuns() {
    service.preview = {.model = "tiny",
                       .prompts = {{"<s>hi", {.ids = {1, 7, 9}}}, {"", {.ids = {4}}}},
                       .requests = 2,
                       .input_tokens = 4,
                       .output_tokens = 32,
                       .limits = {{"key web", "tokens", "60s", 100, -3, milliseconds(61'800)},
                                  {"key web", "concurrent", "", 4, 4, milliseconds(0)}},
                       .gate_wait = milliseconds(1800),
                       .queue_wait = milliseconds(250),
                       .queue_position = 3};
  }
};

TEST_F(DryRuns, SayWhatWouldBeChargedAndWhere) {
  start();
  RawAnswer answer = ask(post("/v1/chat/completions", kChatStream, kDry));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers["content-type"], "application/json");
  EXPECT_EQ(answer.json(), json::parse(R"({"object":"dry_run","model":"tiny",
    "prompts":[{"prompt":"<s>hi","tokens":3},{"prompt":"","tokens":1}],"prompt_tokens":4,
    "charge":{"requests":2,"input_tokens":4,"output_tokens":32},
    "limits":[{"owner":"key web","unit":"tokens","window":"60s","cap":100,"remaining":-3,"reset_ms":61800},
              {"owner":"key web","unit":"concurrent","window":null,"cap":4,"remaining":4,"reset_ms":0}],
    "predicted_wait_ms":{"gate":1800,"queue":250},"queue_position":3,"would_be":"admitted"})"));
  EXPECT_EQ(service.last_dry_run.model, "tiny");
  EXPECT_EQ(service.generations, 0);
}

TEST_F(DryRuns, ShowTokensWhereAskedFor) {
  start();
  json body =
      ask(post("/v1/completions", R"({"prompt":["a","b"],"return_token_ids":true})", kDry)).json();
  EXPECT_EQ(body["prompts"][0]["token_ids"], json({1, 7, 9}));
  EXPECT_EQ(service.last_dry_run.inputs.size(), 2u);
}

TEST_F(DryRuns, ShowBothSidesOfAnEncoderDecoder) {
  service.preview.prompts = {{"hi", {.ids = {1, 7}, .decoder_ids = {0, 5, 6}}, "<pad>de"}};
  start();
  json body = ask(post("/v1/completions", R"({"prompt":"hi"})", kDry)).json();
  EXPECT_EQ(body["prompts"], json::parse(R"([{"prompt":"hi","tokens":2,
                                  "decoder_prompt":"<pad>de","decoder_tokens":3}])"));
  EXPECT_EQ(body["prompt_tokens"], 5);
  body = ask(post("/v1/completions", R"({"prompt":"hi","return_token_ids":true})", kDry)).json();
  EXPECT_EQ(body["prompts"][0]["token_ids"], json({1, 7}));
  EXPECT_EQ(body["prompts"][0]["decoder_token_ids"], json({0, 5, 6}));
}

TEST_F(DryRuns, ShowBothTextsOfAPair) {
  service.preview.prompts = {{.text = "a", .tokens = {.ids = {1, 2}}, .pair = "b\n"}};
  start();
  const json body = ask(post("/v1/classify", R"({"input":[["a","b\n"]]})", kDry)).json();
  EXPECT_EQ(body["prompts"], json::parse(R"([{"prompt":"a","pair":"b\n","tokens":2}])"));
}

TEST_F(DryRuns, OfARequestThatWouldBeRefused) {
  service.preview.refusal =
      Error{.code = Code::rate_limited, .message = "why", .limit_unit = "tokens"};
  options.overload_status = 429;
  start();
  json body = ask(post("/v1/embeddings", R"({"input":"a"})", kDry)).json();
  EXPECT_EQ(body["would_be"], json::parse(R"({"status":429,"error":{"message":"why",
            "type":"tokens","param":null,"code":"rate_limit_exceeded"}})"));
  service.preview.refusal = Error{.code = Code::overloaded, .message = "full"};
  body = ask(post("/v1/embeddings", R"({"input":"a"})", kDry)).json();
  EXPECT_EQ(body["would_be"]["status"], 429);
}

TEST_F(DryRuns, WrongRequestsStayWrong) {
  start();
  EXPECT_EQ(ask(post("/v1/completions", R"({"prompt":1})", kDry)).status, 400);
  service.refusal = invalid("prompt has 5012 tokens; this model takes 4096", "prompt");
  EXPECT_EQ(ask(post("/v1/completions", R"({"prompt":"a"})", kDry)).status, 400);
}

TEST_F(DryRuns, OnlyWhereSomethingIsCharged) {
  start();
  EXPECT_EQ(ask(post("/v1/completions", R"({"prompt":"a"})", "x-weir-dry-run: false\r\n"))
                .json()["object"],
            "text_completion");
  RawAnswer answer = ask(post("/tokenize", R"({"prompt":"a"})", kDry));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.json()["error"]["param"], "x-weir-dry-run");
}

}  // namespace
}  // namespace weir::http
