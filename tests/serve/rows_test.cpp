#include <gmock/gmock.h>

#include "asks.h"
#include "byte_model.h"

namespace weir::serve {
namespace {

using testing::SizeIs;

class RowsTest : public testing::Test {
 protected:
  ReadyModel ready(const ModelCard& loaded) {
    return {{{.name = "m"}, RequestSeries(metrics_, "m")}, loaded};
  }
  template <class Request>
  std::vector<RequestRow> rows(const ModelCard& loaded, const Request& request) {
    auto rows = rows_of(ready(loaded), request);
    if (!rows) ADD_FAILURE() << rows.error().message;
    return rows ? *std::move(rows) : std::vector<RequestRow>{};
  }
  template <class Request>
  uint32_t max_tokens(const Request& request) {
    auto all = rows(model_.loaded, request);
    return all.empty() ? 0 : std::get<work::SamplingParams>(all.front().params).max_tokens;
  }
  Registry metrics_;
  ByteModel model_;
  ByteEncoder encoder_;
};

TEST_F(RowsTest, TheModelsMaxNewTokensHoldsWhereARequestSaysNothing) {
  const ChatRequest chat{.messages = "[]"};
  CompletionRequest completion{.prompts = {"ab"}};
  EXPECT_EQ(max_tokens(chat), 64U - 5U);  // "<bos>bot:"
  EXPECT_EQ(max_tokens(completion), 16U);
  model_.loaded.text.defaults.max_new_tokens = 9;
  EXPECT_EQ(max_tokens(chat), 9U);
  EXPECT_EQ(max_tokens(completion), 9U);
  completion.sampling.max_tokens = 20;
  EXPECT_EQ(max_tokens(completion), 20U);
  model_.loaded.text.defaults.max_new_tokens = 1000;
  EXPECT_EQ(max_tokens(chat), 64U - 5U);
  EXPECT_EQ(max_tokens(ChatRequest{.messages = "[]", .sampling = {.min_tokens = 30}}), 64U - 5U);
  model_.loaded.text.defaults.max_new_tokens = 9;
  EXPECT_EQ(max_tokens(ChatRequest{.messages = "[]", .sampling = {.min_tokens = 30}}), 30U);
}

TEST_F(RowsTest, AnEchoIsThePromptAsItWasGiven) {
  const std::vector<RequestRow> all =
      rows(model_.loaded, CompletionRequest{.prompts = {"ab", std::vector<int32_t>{kBos, 'c'}},
                                            .echo = true,
                                            .sampling = {.max_tokens = 0}});
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].echo, "ab");
  EXPECT_EQ(all[1].echo, "<bos>c");
  EXPECT_TRUE(all[0].echo_only && all[1].echo_only);
  const std::vector<RequestRow> plain = rows(model_.loaded, CompletionRequest{.prompts = {"ab"}});
  EXPECT_EQ(plain[0].echo, "");
  EXPECT_FALSE(plain[0].echo_only);
}

TEST_F(RowsTest, WhatIsCopiedOrToldForEachPromptIsBound) {
  const auto refusal = [&](const CompletionRequest& request) {
    auto refused = rows_of(ready(model_.loaded), request);
    return refused ? "accepted" : refused.error().message + " @" + refused.error().param;
  };
  CompletionRequest many{.prompts = std::vector<Prompt>(5000, std::vector<int32_t>(50, 'a'))};
  EXPECT_EQ(refusal(many), "accepted");
  many.sampling.prompt_logprobs = 16;
  EXPECT_EQ(refusal(many),
            "the prompts have 250000 tokens; with 16 logprobs beside the own one of each at most "
            "246723 are told @prompt");
  many.sampling.prompt_logprobs = 15;
  EXPECT_EQ(refusal(many), "accepted");
  many.sampling = {.bad_words = std::vector<std::string>(100, "x")};
  EXPECT_EQ(refusal(many),
            "prompt has 5000 entries; with these allowed_token_ids, bad_words and logit_bias at "
            "most 2467 are taken @prompt");
  many.prompts.resize(2467);
  EXPECT_EQ(refusal(many), "accepted");
}

TEST_F(RowsTest, OnlyTextsHaveTokensThatAreNotPooled) {
  encoder_.loaded.text.prompt = {.text = "ask:", .left_out = 5};
  const EmbeddingRequest request{.inputs = {"ab", std::vector<int32_t>{1, 2}}};
  const std::vector<RequestRow> all = rows(encoder_.loaded, request);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_THAT(all[0].prompt, SizeIs(8));
  EXPECT_EQ(std::get<work::Reads>(all[0].params)[0].left_out, 5U);
  EXPECT_EQ(std::get<work::Reads>(all[1].params)[0].left_out, 0U);
  const Ask asked = ask_of(request);
  auto text = task_of(asked.options).text(ready(encoder_.loaded), asked.inputs[0]);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "ask:ab");
}

}  // namespace
}  // namespace weir::serve
