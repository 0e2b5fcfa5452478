// Chat and completions as clients see them, whole and in streams.
#include "http/server_fixture.h"

namespace weir::http {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

class Generations : public ServerTest {
 protected:
  std::vector<std::string> stream(const std::string& path, const std::string& body) {
    RawAnswer answer = ask(post(path, body));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return events(answer.body);
  }
};

TEST_F(Generations, AWholeChatAnswerHasOpenAIsShape) {
  start();
  RawAnswer answer = ask(post("/v1/chat/completions", kChat));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers["content-type"], "application/json");
  EXPECT_EQ(answer.headers["x-weir-model"], "tiny");
  EXPECT_EQ(answer.headers["x-ratelimit-remaining-requests"], "3");
  EXPECT_EQ(answer.headers["server-timing"],
            "queue;dur=1.500, prefill;dur=20.250, decode;dur=300.000");
  json body = answer.json();
  EXPECT_THAT(body["id"].get<std::string>(), MatchesRegex("chatcmpl-[0-9a-f]{24}"));
  auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  EXPECT_NEAR(body["created"].get<double>(), static_cast<double>(now), 5);
  body.erase("id");
  body.erase("created");
  EXPECT_EQ(
      body,
      json::parse(
          R"({"object":"chat.completion","model":"tiny","system_fingerprint":"fp_0123456789ab",
    "choices":[{"index":0,"message":{"role":"assistant","content":"Hello!","refusal":null},"logprobs":null,
                "finish_reason":"stop","stop_reason":2}],
    "usage":{"prompt_tokens":3,"completion_tokens":3,"total_tokens":6,
             "prompt_tokens_details":{"cached_tokens":2}}})"));
}

TEST_F(Generations, CompletionsOfSeveralPromptsAreOrdered) {
  service.script.end = {serve::FinishReason::length, {}};
  start();
  json body =
      ask(post("/v1/completions", R"({"prompt":["a","b"],"return_token_ids":true})")).json();
  EXPECT_EQ(body["object"], "text_completion");
  EXPECT_THAT(body["id"].get<std::string>(), StartsWith("cmpl-"));
  EXPECT_EQ(body["choices"], json::parse(R"([
    {"index":0,"text":"Hello!","logprobs":null,"finish_reason":"length","stop_reason":null,
     "token_ids":[100,101,102],"prompt_token_ids":[7,0]},
    {"index":1,"text":"Hello!","logprobs":null,"finish_reason":"length","stop_reason":null,
     "token_ids":[100,101,102],"prompt_token_ids":[7,1]}])"));
  EXPECT_EQ(body["usage"]["total_tokens"], 10);
}

TEST_F(Generations, AnEncoderDecodersTokenIdsAreThoseOfBothSides) {
  start();
  json body = json::parse(R"({"prompt":"a","decoder_prompt":[0,9],"return_token_ids":true})");
  json whole = ask(post("/v1/completions", body.dump())).json();
  EXPECT_EQ(whole["choices"][0]["prompt_token_ids"], json({7, 0}));
  EXPECT_EQ(whole["choices"][0]["decoder_prompt_token_ids"], json({0, 9}));
  EXPECT_EQ(whole["usage"]["prompt_tokens"], 4);
  body["stream"] = true;
  body["stream_options"] = {{"continuous_usage_stats", true}};
  auto found = stream("/v1/completions", body.dump());
  const json first = json::parse(found.at(0));
  EXPECT_EQ(first["choices"][0]["prompt_token_ids"], json({7, 0}));
  EXPECT_EQ(first["choices"][0]["decoder_prompt_token_ids"], json({0, 9}));
  EXPECT_EQ(first["usage"]["prompt_tokens"], 4);
  EXPECT_FALSE(json::parse(found.at(1))["choices"][0].contains("decoder_prompt_token_ids"));
}

TEST_F(Generations, AStopStringIsNamed) {
  service.script.end = {serve::FinishReason::stop, std::string("\n\"end\"")};
  start();
  EXPECT_EQ(ask(post("/v1/chat/completions", kChat)).json()["choices"][0]["stop_reason"],
            "\n\"end\"");
}

TEST_F(Generations, ChatTokenIdsStandInChoicesAndThePromptOnce) {
  start();
  json body = json::parse(kChat);
  body["return_token_ids"] = true;
  json whole = ask(post("/v1/chat/completions", body.dump())).json();
  EXPECT_EQ(whole["prompt_token_ids"], json({1, 2, 3}));
  EXPECT_EQ(whole["choices"][0]["token_ids"], json({100, 101, 102}));

  service.script.pause = milliseconds(5);
  body["stream"] = true;
  auto found = stream("/v1/chat/completions", body.dump());
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(json::parse(found[0])["prompt_token_ids"], json({1, 2, 3}));
  EXPECT_EQ(json::parse(found[0])["choices"].size(), 1u);
  EXPECT_EQ(json::parse(found[1])["choices"][0]["token_ids"], json({100}));
  EXPECT_FALSE(json::parse(found[1]).contains("prompt_token_ids"));
}

TEST_F(Generations, AChatStreamHasOpenAIsChunks) {
  start();
  RawAnswer answer = ask(post("/v1/chat/completions", kChatStream, "Accept-Encoding: gzip\r\n"));
  EXPECT_EQ(answer.headers["content-type"], "text/event-stream");
  EXPECT_EQ(answer.headers["cache-control"], "no-cache");
  EXPECT_EQ(answer.headers["x-accel-buffering"], "no");
  EXPECT_EQ(answer.headers.count("content-encoding"), 0u);
  EXPECT_EQ(answer.headers.count("server-timing"), 0u);
  EXPECT_EQ(answer.headers["x-weir-model"], "tiny");
  auto found = events(answer.body);
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found.back(), "[DONE]");
  found.pop_back();
  std::vector<json> choices;
  std::string id;
  for (const auto& text : found) {
    json chunk = json::parse(text);
    if (id.empty()) id = chunk["id"];
    EXPECT_EQ(chunk["id"], id);
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    EXPECT_EQ(chunk["model"], "tiny");
    EXPECT_EQ(chunk["system_fingerprint"], "fp_0123456789ab");
    EXPECT_FALSE(chunk.contains("usage"));
    choices.push_back(chunk["choices"][0]);
  }
  EXPECT_EQ(choices[0],
            json::parse(R"({"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,
                                        "finish_reason":null})"));
  EXPECT_EQ(
      choices[1],
      json::parse(R"({"index":0,"delta":{"content":"Hel"},"logprobs":null,"finish_reason":null})"));
  EXPECT_EQ(
      choices[3],
      json::parse(R"({"index":0,"delta":{"content":"!"},"logprobs":null,"finish_reason":"stop",
                                        "stop_reason":2})"));
}

TEST_F(Generations, ACompletionStreamWithUsage) {
  start();
  auto found = stream("/v1/completions",
                      R"({"prompt":"a","stream":true,"stream_options":{"include_usage":true}})");
  ASSERT_EQ(found.size(), 5u);
  for (size_t i = 0; i < 3; ++i) {
    json chunk = json::parse(found[i]);
    EXPECT_EQ(chunk["object"], "text_completion");
    ASSERT_TRUE(chunk.contains("usage"));
    EXPECT_TRUE(chunk["usage"].is_null());
  }
  EXPECT_EQ(json::parse(found[0])["choices"][0]["text"], "Hel");
  json last = json::parse(found[3]);
  EXPECT_EQ(last["choices"], json::array());
  EXPECT_EQ(last["usage"], json::parse(R"({"prompt_tokens":2,"completion_tokens":3,"total_tokens":5,
                                           "prompt_tokens_details":{"cached_tokens":2}})"));
  EXPECT_EQ(last["timings"],
            json::parse(R"({"queue_ms":1.5,"prefill_ms":20.25,"decode_ms":300.0})"));
  EXPECT_EQ(found[4], "[DONE]");
}

TEST_F(Generations, EachChunkHasTheUsageOfItsChoiceWhereAskedFor) {
  start();
  json body{{"prompt", {"a", "b"}},
            {"stream", true},
            {"stream_options", {{"include_usage", true}, {"continuous_usage_stats", true}}}};
  auto found = stream("/v1/completions", body.dump());
  ASSERT_EQ(found.size(), 8u);  // two prompts of three pieces, the last usage, the end
  for (size_t i = 0; i < 6; ++i) {
    json usage = json::parse(found[i])["usage"];
    const size_t tokens = i % 3 + 1;
    EXPECT_EQ(
        usage,
        json({{"prompt_tokens", 2}, {"completion_tokens", tokens}, {"total_tokens", 2 + tokens}}));
  }
  EXPECT_EQ(json::parse(found[6])["usage"]["total_tokens"], 10);

  json chat = json::parse(kChatStream);
  chat["stream_options"] = {{"continuous_usage_stats", true}};
  found = stream("/v1/chat/completions", chat.dump());
  ASSERT_EQ(found.size(), 5u);  // no usage at the end: nobody asked for it
  EXPECT_EQ(json::parse(found[0])["usage"]["completion_tokens"], 0);
  EXPECT_EQ(json::parse(found[3])["usage"]["completion_tokens"], 3);
}

TEST_F(Generations, TextSurvivesTheTripAndBrokenUtf8IsReplaced) {
  service.script.pieces = {"é\"\\\n\t\x01 日本",
                           "a\xff"
                           "b"};
  start();
  std::string wanted =
      "é\"\\\n\t\x01 日本a\xEF\xBF\xBD"
      "b";
  EXPECT_EQ(ask(post("/v1/chat/completions", kChat)).json()["choices"][0]["message"]["content"],
            wanted);
  std::string streamed;
  for (const auto& text : stream("/v1/chat/completions", kChatStream)) {
    if (text == "[DONE]") continue;
    streamed += json::parse(text)["choices"][0]["delta"].value("content", "");
  }
  EXPECT_EQ(streamed, wanted);
}

TEST_F(Generations, AnErrorBeforeTheStreamIsAPlainAnswer) {
  service.refusal = Error{.code = Code::overloaded,
                          .message = "the queue is full: 64 wait",
                          .retry_after = milliseconds(1500)};
  start();
  RawAnswer answer = ask(post("/v1/chat/completions", kChatStream));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers["content-type"], "application/json");
  EXPECT_EQ(answer.headers["retry-after"], "2");
  EXPECT_EQ(answer.headers["retry-after-ms"], "1500");
  EXPECT_EQ(answer.headers["x-ratelimit-remaining-requests"], "3");
}

TEST_F(Generations, AnErrorInMidStreamIsAnEventAndTheEnd) {
  service.script.fails_after =
      Error{.code = Code::deadline, .message = "the deadline of 50 ms passed"};
  start();
  RawClient c = client();
  c.send(post("/v1/chat/completions", kChatStream));
  RawAnswer answer = c.answer();
  auto found = events(answer.body);
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(json::parse(found[4]),
            json::parse(R"({"error":{"message":"the deadline of 50 ms passed","type":"server_error",
                            "param":null,"code":"deadline_exceeded"}})"));
  c.send(get("/health"));
  EXPECT_EQ(c.answer().status, 200);
}

TEST_F(Generations, AnInternalErrorTellsNoDetail) {
  service.script.fails_after = Error{.message = "cuda error 700 at 0xdead"};
  start();
  RawAnswer whole = ask(post("/v1/chat/completions", kChat));
  EXPECT_EQ(whole.status, 500);
  EXPECT_THAT(whole.body, Not(HasSubstr("cuda")));
  EXPECT_EQ(whole.json()["error"]["code"], "internal_error");
  EXPECT_THAT(ask(post("/v1/chat/completions", kChatStream)).body, Not(HasSubstr("cuda")));
}

TEST_F(Generations, AModelThatGivesNaNIsToldAsSuch) {
  service.script.fails_after =
      Error{.message = "the model gives NaN: no number", .name = "model_gives_nan"};
  start();
  RawAnswer whole = ask(post("/v1/chat/completions", kChat));
  EXPECT_EQ(whole.status, 500);
  EXPECT_EQ(whole.json()["error"]["code"], "model_gives_nan");
  EXPECT_EQ(whole.json()["error"]["message"], "the model gives NaN: no number");
}

TEST_F(Generations, AClientThatLeavesAStreamIsNoticedBetweenEvents) {
  service.script.silent = true;
  start();
  RawClient c = client();
  c.send(post("/v1/chat/completions", kChatStream));
  ASSERT_TRUE(soon([&] { return service.generations == 1; }));
  c.close();
  EXPECT_TRUE(soon([&] { return service.generations == 0; }));
  EXPECT_TRUE(soon([&] { return server->in_flight() == 0; }));
  EXPECT_THAT(metrics.text(), HasSubstr("route=\"/v1/chat/completions\",status=\"499\"} 1"));
}

TEST_F(Generations, AClientThatLeavesWhileTokensFlowIsNoticed) {
  service.script.pieces.assign(10'000, "word ");
  service.script.pause = milliseconds(2);
  start();
  RawClient c = client();
  c.send(post("/v1/chat/completions", kChatStream));
  ASSERT_TRUE(c.read_until("word"));
  c.close();
  EXPECT_TRUE(soon([&] { return service.generations == 0; }));
}

TEST_F(Generations, AClientThatLeavesAWholeAnswerIsNoticed) {
  service.script.silent = true;
  start();
  RawClient c = client();
  c.send(post("/v1/chat/completions", kChat));
  ASSERT_TRUE(soon([&] { return service.generations == 1; }));
  c.close();
  EXPECT_TRUE(soon([&] { return service.generations == 0; }));
}

TEST_F(Generations, TokensComeOneByOneAsTheyAreMade) {
  service.script.goes_on = std::make_shared<std::atomic<bool>>(false);
  start();
  RawClient c = client();
  c.send(post("/v1/chat/completions", kChatStream));
  ASSERT_TRUE(c.read_until("Hel"));  // before there is anything else to send
  *service.script.goes_on = true;
  ASSERT_TRUE(c.read_until("[DONE]"));
}

TEST_F(Generations, AnOldClientGetsAStreamWithoutChunks) {
  start();
  std::string request = post("/v1/chat/completions", kChatStream);
  request.replace(request.find("HTTP/1.1"), 8, "HTTP/1.0");
  RawAnswer answer = ask(request);
  EXPECT_EQ(answer.headers.count("transfer-encoding"), 0u);
  EXPECT_THAT(answer.body, StartsWith("data: {"));
  EXPECT_EQ(events(answer.body).back(), "[DONE]");
}

TEST_F(Generations, TwoHundredStreamsRunAtOnce) {
  service.script.pieces.assign(10, "tok ");
  service.script.goes_on = std::make_shared<std::atomic<bool>>(false);
  start();
  std::vector<RawClient> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(client());
    ASSERT_TRUE(clients.back().send(post("/v1/chat/completions", kChatStream)));
  }
  ASSERT_TRUE(soon([&] { return service.generations == 200; }));
  *service.script.goes_on = true;
  for (RawClient& c : clients) {
    auto found = events(c.answer().body);
    ASSERT_EQ(found.size(), 12u);
    EXPECT_EQ(found.back(), "[DONE]");
  }
  EXPECT_TRUE(soon([&] { return server->in_flight() == 0; }));
}

}  // namespace
}  // namespace weir::http
