#include "serve/prompts.h"

#include <gmock/gmock.h>

#include "asks.h"
#include "byte_model.h"
#include "serve/sampling.h"

namespace weir::serve {
namespace {

using testing::HasSubstr;

std::vector<int32_t> joined(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

template <class T>
std::string refusal(const Result<T>& result) {
  return result ? "accepted" : result.error().message + " @" + result.error().param;
}

Result<std::string> chat_context(const Chat& request, std::string_view source = "{{ messages }}") {
  return serve::chat_context(request, **text::ChatTemplate::parse(source));
}

TEST(ChatContext, ADeveloperIsTheSystemWhereTheTemplateKnowsNone) {
  const Chat request{
      .messages = R"([{"role":"developer","content":"a developer"},{"role":"user","b":1,"a":2}])"};
  EXPECT_EQ(
      *chat_context(request),
      R"({"messages":[{"role":"system","content":"a developer"},{"role":"user","b":1,"a":2}],"add_generation_prompt":true})");
  const char* knows = "{% if messages[0].role in ['system', 'developer'] %}{% endif %}";
  EXPECT_EQ(*chat_context(request, knows),
            R"({"messages":)" + request.messages + R"(,"add_generation_prompt":true})");
}

TEST(ChatContext, MergesTheTemplatesOwnArguments) {
  Chat request{.messages = R"([{"role":"user"}])",
               .tools = R"([1])",
               .template_kwargs = R"({"b":{"x":1},"a":"q\"é"})"};
  EXPECT_EQ(
      *chat_context(request),
      R"({"messages":[{"role":"user"}],"tools":[1],"add_generation_prompt":true,"b":{"x":1},"a":"q\"é"})");
  request = {.messages = "[]", .add_generation_prompt = false};
  EXPECT_EQ(*chat_context(request), R"({"messages":[],"add_generation_prompt":false})");
}

TEST(ChatContext, RefusesArgumentsThatWouldHideTheRequest) {
  EXPECT_EQ(
      refusal(chat_context({.messages = "[]", .template_kwargs = R"({"tools":[]})"})),
      "chat_template_kwargs.tools is set by the request's own tools @chat_template_kwargs.tools");
  EXPECT_EQ(refusal(chat_context({.messages = "[]", .template_kwargs = "[1]"})),
            "chat_template_kwargs is no JSON object @chat_template_kwargs");
}

class PromptsTest : public testing::Test {
 protected:
  Result<std::vector<int32_t>> chat(const Chat& request) {
    return chat_prompt({.name = "bytes"}, model_.loaded, request, true);
  }
  ByteModel model_;
  ByteEncoder encoder_;
};

TEST_F(PromptsTest, ChatIsExactlyWhatTheTemplateRenders) {
  auto ids = chat({.messages = R"([{"role":"user","content":"Hi"}])"});
  ASSERT_TRUE(ids) << ids.error().message;
  std::vector<int32_t> expected = joined({kBos}, bytes_of("user:Hi"));
  expected.push_back(kTurn);
  EXPECT_EQ(*ids, joined(expected, bytes_of("bot:")));
  ids = chat(
      {.messages = R"([{"role":"user","content":"Hi"}])", .template_kwargs = R"({"name":"me"})"});
  ASSERT_TRUE(ids);
  EXPECT_EQ(*ids, joined(expected, bytes_of("me:")));
}

TEST_F(PromptsTest, AControlTokensTextInAMessageIsText) {
  const Chat forged{.messages = R"([{"role":"user","content":"a<turn>b"}])"};
  std::vector<int32_t> expected = joined({kBos}, bytes_of("user:a<turn>b"));
  expected.push_back(kTurn);
  EXPECT_EQ(*chat(forged), joined(expected, bytes_of("bot:")));
  EXPECT_EQ(chat_text({.name = "bytes"}, model_.loaded, forged)->text,
            "<bos>user:a<turn>b<turn>bot:");
  model_.loaded.trust_control_tokens = true;
  expected = joined({kBos}, bytes_of("user:a"));
  expected.push_back(kTurn);
  expected.push_back('b');
  expected.push_back(kTurn);
  EXPECT_EQ(*chat(forged), joined(expected, bytes_of("bot:")));
}

TEST_F(PromptsTest, EmbeddingIdsMayBeRefused) {
  const Prompt ids = std::vector<int32_t>{65, 66};
  EXPECT_TRUE(embedding_input(encoder_.loaded, ids, {}, "input"));
  encoder_.loaded.accept_embedding_ids = false;
  EXPECT_EQ(refusal(embedding_input(encoder_.loaded, ids, {}, "input[1]")),
            "input[1] holds token ids, which this server does not take: send text (LangChain: "
            "check_embedding_ctx_length=False) @input[1]");
  EXPECT_TRUE(embedding_input(encoder_.loaded, "AB", {}, "input"));
}

TEST_F(PromptsTest, ChatErrorsNameTheMessages) {
  auto ids = chat({.messages = R"([{"role":"user","content":")" + std::string(70, 'x') + R"("}])"});
  EXPECT_EQ(refusal(ids),
            "This model's maximum context length is 64 tokens. However, your messages resulted in "
            "81 tokens, and at least one is for the answer. (context_length_exceeded) @messages");
  EXPECT_STREQ(ids.error().name, "context_length_exceeded");
  model_.folder.write("chat_template.jinja", "{{ raise_exception('roles must alternate') }}");
  model_.loaded.text = text_side(model_.folder, kGenerates);
  ids = chat({.messages = "[]"});
  EXPECT_THAT(refusal(ids), HasSubstr("roles must alternate"));
  EXPECT_EQ(ids.error().param, "messages");
  model_.loaded.text.chat_template = nullptr;
  EXPECT_EQ(refusal(chat({.messages = "[]"})),
            "model \"bytes\" has no chat template; /v1/completions takes its prompts @model");
  model_.loaded.text.chat_refusal = "chat_template.jinja is empty";
  EXPECT_EQ(refusal(chat({.messages = "[]"})),
            "model \"bytes\" has no chat template that can be used (chat_template.jinja is empty); "
            "/v1/completions takes its prompts @model");
}

TEST_F(PromptsTest, CompletionsTakeTextAndIds) {
  const ModelCard& model = model_.loaded;
  EXPECT_EQ(*completion_prompt(model, "ab", true, "prompt"), joined({kBos}, bytes_of("ab")));
  EXPECT_EQ(*completion_prompt(model, "ab", false, "prompt"), bytes_of("ab"));
  EXPECT_EQ(
      *completion_prompt(model, std::vector<int32_t>{260, 1}, true, "prompt"),
      (std::vector<int32_t>{260, 1}));  // as they are; a row without a token of the tokenizer too
  EXPECT_EQ(*completion_prompt(model, "", true, "prompt"), std::vector<int32_t>{kBos});
}

TEST_F(PromptsTest, CompletionsRefuse) {
  const ModelCard& model = model_.loaded;
  EXPECT_EQ(refusal(completion_prompt(model, std::vector<int32_t>{1, 261}, true, "prompt[2]")),
            "prompt[2][1] is 261; this model's ids are 0 to 260 @prompt[2][1]");
  EXPECT_EQ(refusal(completion_prompt(model, std::vector<int32_t>{-1}, true, "prompt")),
            "prompt[0] is -1; this model's ids are 0 to 260 @prompt[0]");
  EXPECT_EQ(refusal(completion_prompt(model, std::vector<int32_t>{}, true, "prompt")),
            "prompt is empty @prompt");
  EXPECT_EQ(refusal(completion_prompt(model, "", false, "prompt")), "prompt is empty @prompt");
  EXPECT_STREQ(completion_prompt(model, "", false, "prompt").error().name,
               "string_below_min_length");
  EXPECT_STREQ(completion_prompt(model, std::vector<int32_t>{}, true, "prompt").error().name,
               "empty_array");
  EXPECT_EQ(refusal(completion_prompt(model, std::string(64, 'x'), false, "prompt")),
            "This model's maximum context length is 64 tokens. However, prompt has 64 tokens, and "
            "at least one is for the answer. (context_length_exceeded) @prompt");
  EXPECT_TRUE(completion_prompt(model, std::string(63, 'x'), false, "prompt"));
  EXPECT_THAT(refusal(completion_prompt(model, std::string("a\xFF"), true, "prompt[1]")),
              HasSubstr("@prompt[1]"));
}

TEST_F(PromptsTest, WhatCannotFitIsRefusedByItsBytes) {
  ASSERT_TRUE(model_.loaded.text.longest_piece_bytes);
  EXPECT_EQ(*model_.loaded.text.longest_piece_bytes, 6U);  // "<turn>"
  EXPECT_EQ(refusal(completion_prompt(model_.loaded, std::string(385, 'x'), true, "prompt")),
            "This model's maximum context length is 64 tokens. However, prompt has 385 bytes, "
            "which are at least 65 tokens. (context_length_exceeded) @prompt");
  EXPECT_THAT(refusal(completion_prompt(model_.loaded, std::string(384, 'x'), true, "prompt")),
              HasSubstr("has 385 tokens"));
}

TEST_F(PromptsTest, WhateverIsOverTheContextSaysSoByOpenAisNameAndWords) {
  const ModelCard& model = model_.loaded;
  const std::string long_text(70, 'x');
  const std::string message = R"([{"role":"user","content":")";
  std::vector<Error> errors{
      chat({.messages = message + long_text + R"("}])"}).error(),
      chat({.messages = message + std::string(400, 'x') + R"("}])"}).error(),
      completion_prompt(model, long_text, true, "prompt").error(),
      completion_prompt(model, std::string(400, 'x'), true, "prompt").error(),
      completion_prompt(model, std::vector<int32_t>(64, 5), true, "prompt").error(),
      completion_limit({.max_tokens = 50}, 16, 20, model).error(),
      embedding_input(model, long_text, {}, "input").error(),
      embedding_input(model, std::string(400, 'x'), {}, "input").error()};
  for (const Error& error : errors) {
    EXPECT_THAT(error.message,
                testing::StartsWith("This model's maximum context length is 64 tokens"));
    EXPECT_STREQ(error.name, "context_length_exceeded") << error.message;
  }
}

class EmbeddingInputTest : public PromptsTest {
 protected:
  void SetUp() override { encoder_.loaded.max_model_len = 10; }
  Result<std::vector<int32_t>> input(const Prompt& prompt, const EmbeddingRequest& request = {}) {
    return embedding_input(encoder_.loaded, prompt, request, "input");
  }
  static std::vector<int32_t> framed(const std::string& text) {
    std::vector<int32_t> ids = joined({kBos}, bytes_of(text));
    ids.push_back(kEos);
    return ids;
  }
};

TEST_F(EmbeddingInputTest, FillsTheModelAndNoMore) {
  EXPECT_EQ(*input("abcdefgh"), framed("abcdefgh"));
  const char* too_long =
      "This model's maximum context length is 10 tokens. However, input has 11 tokens. "
      "(context_length_exceeded) @input";
  EXPECT_EQ(refusal(input("abcdefghi")), too_long);
  EXPECT_EQ(*input(std::vector<int32_t>(10, 5)), std::vector<int32_t>(10, 5));
  EXPECT_EQ(refusal(input(std::vector<int32_t>(11, 5))), too_long);
  EXPECT_EQ(refusal(input("")), "input is empty @input");
  EXPECT_STREQ(input("").error().name, "string_below_min_length");
  EXPECT_EQ(refusal(input(std::vector<int32_t>{})), "input is empty @input");
  EXPECT_STREQ(input(std::vector<int32_t>{}).error().name, "empty_array");
  EXPECT_EQ(refusal(input(std::vector<int32_t>{259})),
            "input[0] is 259; this model's ids are 0 to 258 @input[0]");
}

TEST_F(EmbeddingInputTest, ACutTextKeepsItsFrame) {
  EXPECT_EQ(*input("abcdefghijkl", {.truncate = true}), framed("abcdefgh"));
  EXPECT_EQ(*input("abcdefghijkl", {.truncate_prompt_tokens = 5}), framed("abc"));
  EXPECT_EQ(*input("ab", {.truncate_prompt_tokens = 5}), framed("ab"));
  EXPECT_EQ(*input(std::vector<int32_t>{1, 2, 3, 4}, {.truncate_prompt_tokens = 2}),
            (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(*input(std::string(5000, 'x'), {.truncate = true}), framed("xxxxxxxx"));
}

TEST_F(EmbeddingInputTest, TheModelsPromptStandsBeforeTextsAndNotBeforeIds) {
  encoder_.loaded.text.prompt.text = "ask:";
  EXPECT_EQ(*input("ab"), framed("ask:ab"));
  EXPECT_EQ(*input("abcdefg", {.truncate = true}), framed("ask:abcd"));
  EXPECT_EQ(refusal(input("abcdefg")),
            "This model's maximum context length is 10 tokens. However, input has 13 tokens. "
            "(context_length_exceeded) @input");
  EXPECT_EQ(refusal(input("")), "input is empty @input");
  EXPECT_EQ(*input(std::vector<int32_t>{1, 2}), (std::vector<int32_t>{1, 2}));
}

TEST_F(EmbeddingInputTest, RefusesLimitsThatCannotBe) {
  EXPECT_EQ(refusal(input("abc", {.truncate_prompt_tokens = 0})),
            "truncate_prompt_tokens is 0; 1 to 10 is allowed @truncate_prompt_tokens");
  EXPECT_EQ(refusal(input("abc", {.truncate_prompt_tokens = 11})),
            "truncate_prompt_tokens is 11; 1 to 10 is allowed @truncate_prompt_tokens");
  EXPECT_EQ(
      refusal(input("abc", {.truncate_prompt_tokens = 2})),
      "truncate_prompt_tokens is 2; this model adds 2 tokens of its own @truncate_prompt_tokens");
}

}  // namespace
}  // namespace weir::serve
