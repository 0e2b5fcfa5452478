// Logprobs as clients see them, whole and in streams.
#include <limits>

#include "api/call_fixture.h"

namespace weir::api {
namespace {

using nlohmann::json;
using serve::TokenLogprob;

constexpr float kNever = -std::numeric_limits<float>::infinity();

class LogprobsTest : public CallTest {
 protected:
  LogprobsTest() {
    // "é" is two tokens; the drawn one is not always among the likeliest, and one can never be.
    service.script.pieces = {"Hi", "", "é"};
    service.script.logprobs = {
        {.id = 5,
         .bytes = "Hi",
         .logprob = -0.5F,
         .rank = 1,
         .top = {{5, -0.5F, "Hi"}, {6, -1, "!"}}},
        {.id = 7,
         .bytes = "\xC3",
         .logprob = -3,
         .rank = 9,
         .top = {{5, -1, "Hi"}, {8, -2, "\xC4"}}},
        {.id = 9, .bytes = "\xA9", .logprob = kNever, .rank = 40, .top = {{9, kNever, "\xA9"}}}};
    service.script.prompt_logprobs = {{.id = 1, .bytes = "<s>"},
                                      {.id = 2,
                                       .bytes = "a",
                                       .logprob = -1.5F,
                                       .rank = 2,
                                       .top = {{4, -1, "b"}, {2, -1.5F, "a"}}}};
  }

  json completion(json body) {
    body["prompt"] = "a";
    return post("/v1/completions", body.dump()).json()["choices"][0];
  }
  std::vector<json> stream(const std::string& path, json body) {
    body["stream"] = true;
    std::vector<json> choices;
    for (const std::string& event : events(post(path, body.dump()).body))
      if (event != "[DONE]") choices.push_back(json::parse(event)["choices"][0]);
    return choices;
  }
};

TEST_F(LogprobsTest, CompletionsHaveOpenAIsOlderShape) {
  const json choice = completion({{"logprobs", 2}});
  EXPECT_EQ(choice["logprobs"], json::parse(R"({
    "text_offset":[0,2,3],
    "token_logprobs":[-0.5,-3.0,-9999.0],
    "tokens":["Hi","\ufffd","\ufffd"],
    "top_logprobs":[{"Hi":-0.5,"!":-1},{"Hi":-1,"\ufffd":-2},{"\ufffd":-9999.0}]})"));
  EXPECT_FALSE(choice.contains("prompt_logprobs"));
  EXPECT_TRUE(completion(json::object())["logprobs"].is_null());
}

TEST_F(LogprobsTest, TheDrawnTokenIsAmongTheTopOnes) {
  service.script.logprobs[1].bytes = "x";
  EXPECT_EQ(completion({{"logprobs", 2}})["logprobs"]["top_logprobs"][1],
            json::parse(R"({"Hi":-1,"\ufffd":-2,"x":-3})"));
  EXPECT_EQ(completion({{"logprobs", 0}})["logprobs"]["top_logprobs"][1],
            json::parse(R"({"x":-3})"));
}

TEST_F(LogprobsTest, AnEchoedPromptsTokensComeFirst) {
  const json choice = completion({{"logprobs", 1}, {"echo", true}});
  EXPECT_EQ(choice["logprobs"], json::parse(R"({
    "text_offset":[0,3,4,6,7],
    "token_logprobs":[null,-1.5,-0.5,-3.0,-9999.0],
    "tokens":["<s>","a","Hi","\ufffd","\ufffd"],
    "top_logprobs":[null,{"b":-1,"a":-1.5},{"Hi":-0.5},{"Hi":-1,"\ufffd":-3},{"\ufffd":-9999.0}]})"));
  EXPECT_FALSE(choice.contains("prompt_logprobs"));
}

TEST_F(LogprobsTest, PromptLogprobsAreByIdWithRanks) {
  const json wanted = json::parse(R"([null,{"2":{"logprob":-1.5,"rank":2,"decoded_token":"a"},
                                           "4":{"logprob":-1,"rank":1,"decoded_token":"b"}}])");
  EXPECT_EQ(completion({{"prompt_logprobs", 1}})["prompt_logprobs"], wanted);
  EXPECT_TRUE(completion({{"prompt_logprobs", 1}})["logprobs"].is_null());
  EXPECT_EQ(completion({{"prompt_logprobs", 0}})["prompt_logprobs"][1].size(), 1U);
  json chat = json::parse(kChat);
  chat["prompt_logprobs"] = 2;
  const json answer = post("/v1/chat/completions", chat.dump()).json();
  EXPECT_EQ(answer["prompt_logprobs"], wanted);
  EXPECT_FALSE(answer["choices"][0].contains("prompt_logprobs"));
}

TEST_F(LogprobsTest, ChatsHaveContentWithBytes) {
  json chat = json::parse(kChat);
  chat["logprobs"] = true;
  chat["top_logprobs"] = 2;
  const json answer = post("/v1/chat/completions", chat.dump()).json();
  EXPECT_EQ(answer["choices"][0]["logprobs"], json::parse(R"({"content":[
    {"token":"Hi","logprob":-0.5,"bytes":[72,105],"top_logprobs":[
      {"token":"Hi","logprob":-0.5,"bytes":[72,105]},{"token":"!","logprob":-1,"bytes":[33]}]},
    {"token":"\ufffd","logprob":-3,"bytes":[195],"top_logprobs":[
      {"token":"Hi","logprob":-1,"bytes":[72,105]},{"token":"\ufffd","logprob":-2,"bytes":[196]}]},
    {"token":"\ufffd","logprob":-9999.0,"bytes":[169],"top_logprobs":[
      {"token":"\ufffd","logprob":-9999.0,"bytes":[169]}]}],"refusal":null})"));
  EXPECT_FALSE(answer.contains("prompt_logprobs"));
}

TEST_F(LogprobsTest, EachChunkHasThoseOfItsTokens) {
  auto chunks = stream("/v1/completions", {{"prompt", "a"}, {"logprobs", 1}, {"echo", true}});
  ASSERT_EQ(chunks.size(), 3U);  // also one for the token whose text is held back
  json joined = chunks[0]["logprobs"];
  for (size_t i = 1; i < chunks.size(); ++i)
    for (const auto& [name, values] : chunks[i]["logprobs"].items())
      joined[name].insert(joined[name].end(), values.begin(), values.end());
  EXPECT_EQ(joined, completion({{"logprobs", 1}, {"echo", true}})["logprobs"]);
  EXPECT_EQ(chunks[1]["text"], "");
  EXPECT_EQ(chunks[1]["logprobs"]["tokens"], json::parse(R"(["\ufffd"])"));

  json chat = json::parse(kChat);
  chat["logprobs"] = true;
  chunks = stream("/v1/chat/completions", chat);
  ASSERT_EQ(chunks.size(), 4U);
  EXPECT_TRUE(chunks[0]["logprobs"].is_null());
  EXPECT_EQ(chunks[2]["logprobs"]["content"][0]["bytes"], json({195}));
  EXPECT_EQ(chunks[2]["delta"], json::parse(R"({"content":""})"));
}

}  // namespace
}  // namespace weir::api
