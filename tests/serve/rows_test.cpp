#include <gmock/gmock.h>

#include "asks.h"
#include "byte_model.h"

namespace weir::serve {
namespace {

using namespace std::string_literals;
using testing::SizeIs;

/// Each look at it takes 10 ms.
class TickingClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint(std::chrono::milliseconds(10 * ++looks_)); }

 private:
  mutable int looks_ = 0;
};

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
  EXPECT_EQ(text->text, "ask:ab");
}

/// The last text is no UTF-8: whoever comes to it says so.
TEST_F(RowsTest, ADeadlineEndsThePreparationBetweenInputs) {
  std::vector<Prompt> texts(20, "ab");
  texts.emplace_back("\xff");
  const auto until = [&](int milliseconds) {
    const auto limit = std::chrono::milliseconds(milliseconds);
    return StillWanted::Until{.timeout = limit, .deadline = TimePoint(limit)};
  };
  const auto code = [&](const ModelCard& loaded, const Ask& ask, StillWanted::Until limits) {
    const TickingClock clock;
    StillWanted wanted(std::move(limits), clock);
    const auto rows = task_of(ask.options).rows(ready(loaded), ask, wanted);
    return rows ? Code::internal : rows.error().code;
  };
  const Ask embed = ask_of(EmbeddingRequest{.inputs = texts}),
            generate = ask_of(CompletionRequest{.prompts = texts});
  EXPECT_EQ(code(encoder_.loaded, embed, until(100)), Code::deadline);
  EXPECT_EQ(code(encoder_.loaded, embed, until(1000)), Code::invalid_argument);
  EXPECT_EQ(code(model_.loaded, generate, until(100)), Code::deadline);
  EXPECT_EQ(code(model_.loaded, generate, until(1000)), Code::invalid_argument);
}

TEST_F(RowsTest, AClientThatLeftEndsThePreparation) {
  const Ask ask = ask_of(EmbeddingRequest{.inputs = std::vector<Prompt>(20, "ab")});
  const auto code = [&](int stays) {
    const TickingClock clock;
    int asked = 0;
    StillWanted wanted({.gone = [&] { return ++asked > stays; }}, clock);
    const auto rows = task_of(ask.options).rows(ready(encoder_.loaded), ask, wanted);
    return std::pair(rows ? "read" : rows.error().message, asked);
  };
  EXPECT_EQ(code(0), std::pair("the client left while its request was read"s, 1));
  EXPECT_EQ(code(2), std::pair("the client left while its request was read"s, 3));
  // 20 inputs take 200 ms, in which it is looked for every 50 ms.
  EXPECT_EQ(code(99), std::pair("read"s, 4));
}

}  // namespace
}  // namespace weir::serve
