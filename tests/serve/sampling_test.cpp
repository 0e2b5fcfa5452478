#include "serve/sampling.h"

#include <gmock/gmock.h>

#include <cmath>

#include "byte_model.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;

ModelCard model() {
  ModelCard model;
  model.vocabulary_rows = 100;
  model.text.eos_ids = {7, 8};
  return model;
}

std::string refusal(const Sampling& asked) {
  auto params = check_sampling(asked, model());
  return params ? "accepted" : params.error().message + " @" + params.error().param;
}

TEST(Sampling, NamesTheFieldTheValueAndTheRange) {
  EXPECT_EQ(refusal({.temperature = 2.5F}), "temperature is 2.5; 0 to 2 is allowed @temperature");
  EXPECT_EQ(refusal({.temperature = -1.0F}), "temperature is -1; 0 to 2 is allowed @temperature");
  EXPECT_EQ(refusal({.temperature = NAN}), "temperature is nan; 0 to 2 is allowed @temperature");
  EXPECT_EQ(refusal({.top_p = -0.5F}), "top_p is -0.5; 0 to 1 is allowed @top_p");
  EXPECT_EQ(refusal({.top_p = 1.5F}), "top_p is 1.5; 0 to 1 is allowed @top_p");
  EXPECT_EQ(refusal({.min_p = -0.5F}), "min_p is -0.5; 0 to 1 is allowed @min_p");
  EXPECT_EQ(refusal({.stop = std::vector<std::string>(16'385, "x")}),
            "stop has 16385 bytes in all; at most 16384 are taken @stop");
  EXPECT_EQ(refusal({.stop = {"x", ""}}), "stop[1] is empty @stop[1]");
  EXPECT_EQ(refusal({.stop = {std::string(1025, 'x')}}),
            "stop[0] has 1025 bytes; at most 1024 are taken @stop[0]");
  EXPECT_EQ(refusal({.stop_token_ids = {5, 100}}),
            "stop_token_ids[1] is 100; this model's ids are 0 to 99 @stop_token_ids[1]");
  EXPECT_EQ(refusal({.stop_token_ids = {-1}}),
            "stop_token_ids[0] is -1; this model's ids are 0 to 99 @stop_token_ids[0]");
}

TEST(Sampling, WhatChangesTheLogitsIsNamedToo) {
  EXPECT_EQ(refusal({.presence_penalty = 2.5F}),
            "presence_penalty is 2.5; -2 to 2 is allowed @presence_penalty");
  EXPECT_EQ(refusal({.frequency_penalty = NAN}),
            "frequency_penalty is nan; -2 to 2 is allowed @frequency_penalty");
  EXPECT_EQ(refusal({.repetition_penalty = 0.0F}),
            "repetition_penalty is 0; 0.001 to 1000 is allowed @repetition_penalty");
  EXPECT_EQ(refusal({.logit_bias = {{100, 1.0F}}}),
            "logit_bias has the id 100; this model's ids are 0 to 99 @logit_bias.100");
  EXPECT_EQ(refusal({.logit_bias = std::vector<std::pair<int32_t, float>>(1025)}),
            "logit_bias has 1025 ids; at most 1024 are taken @logit_bias");
  EXPECT_EQ(refusal({.bad_words = {std::string(1025, 'x')}}),
            "bad_words[0] has 1025 bytes; at most 1024 are taken @bad_words[0]");
  EXPECT_EQ(refusal({.bad_words = std::vector<std::string>(16'385, "x")}),
            "bad_words has 16385 bytes in all; at most 16384 are taken @bad_words");
  EXPECT_EQ(refusal({.allowed_token_ids = {5, 100}}),
            "allowed_token_ids[1] is 100; this model's ids are 0 to 99 @allowed_token_ids[1]");
  EXPECT_EQ(refusal({.logprobs = 21}), "logprobs is 21; 0 to 20 is allowed @logprobs");
  EXPECT_EQ(refusal({.prompt_logprobs = 21}),
            "prompt_logprobs is 21; 0 to 20 is allowed @prompt_logprobs");
}

TEST(Sampling, PenaltiesAreTheRequestsBeforeTheModels) {
  ModelCard given = model();
  EXPECT_EQ(check_sampling({}, given)->repetition_penalty, 1);
  EXPECT_FALSE(check_sampling({}, given)->reads_history());
  given.text.defaults.repetition_penalty = 1.25F;
  EXPECT_EQ(check_sampling({}, given)->repetition_penalty, 1.25F);
  const auto params = check_sampling(
      {.presence_penalty = -2.0F, .frequency_penalty = 2.0F, .repetition_penalty = 1.5F}, given);
  ASSERT_TRUE(params);
  EXPECT_EQ(params->presence_penalty, -2);
  EXPECT_EQ(params->frequency_penalty, 2);
  EXPECT_EQ(params->repetition_penalty, 1.5F);
}

TEST(Sampling, BiasesAreBoundAndAllowedIdsAreInOrder) {
  const auto params = check_sampling({.logit_bias = {{9, 500.0F}, {3, -1e30F}, {9, 7.0F}},
                                      .allowed_token_ids = {8, 2, 8, 5},
                                      .logprobs = 20,
                                      .prompt_logprobs = 0},
                                     model());
  ASSERT_TRUE(params);
  EXPECT_THAT(params->bias, ElementsAre(testing::Pair(3, -100.0F), testing::Pair(9, 7.0F)));
  EXPECT_THAT(params->allowed_tokens, ElementsAre(2, 5, 8));
  EXPECT_EQ(params->logprobs, 20U);
  EXPECT_EQ(params->prompt_logprobs, 0U);
}

TEST(Sampling, BadWordsAreTokensWithAndWithoutASpaceAsVllmHasThem) {
  ByteModel bytes;
  auto params = check_sampling({.bad_words = {" \tno", "x"}}, bytes.loaded);
  ASSERT_TRUE(params) << params.error().message;
  // Bytes: the space makes a token more, so only the bare word is one.
  EXPECT_THAT(params->bad_words, ElementsAre(ElementsAre('n', 'o'), ElementsAre('x')));
  auto blank = check_sampling({.bad_words = {"a", "  "}}, bytes.loaded);
  ASSERT_FALSE(blank);
  EXPECT_EQ(blank.error().message, "bad_words[1] has no tokens");
  EXPECT_EQ(blank.error().param, "bad_words[1]");

  auto tokenizer = byte_tokenizer(false);
  tokenizer["model"]["vocab"]["\u0120x"] = 259;  // " x" as one token
  tokenizer["model"]["merges"] = {"\u0120 x"};
  bytes.folder.write("tokenizer.json", tokenizer.dump());
  bytes.loaded.text = text_side(bytes.folder, kGenerates);
  params = check_sampling({.bad_words = {"x", "xy"}}, bytes.loaded);
  ASSERT_TRUE(params) << params.error().message;
  EXPECT_THAT(params->bad_words, ElementsAre(ElementsAre('x'), ElementsAre(259),
                                             ElementsAre('x', 'y'), ElementsAre(259, 'y')));
  bytes.loaded.vocabulary_rows = 259;
  EXPECT_EQ(check_sampling({.bad_words = {"x"}}, bytes.loaded).error().message,
            "bad_words[0] has the token 259; this model's ids are 0 to 258");
}

TEST(Sampling, TakesTheEdgesOfEachRange) {
  EXPECT_EQ(refusal({.temperature = 0.0F, .top_p = 1.0F, .min_p = 1.0F, .top_k = 0}), "accepted");
  EXPECT_EQ(refusal({.temperature = 2.0F, .min_p = 0.0F, .stop_token_ids = {0, 99}}), "accepted");
  EXPECT_EQ(
      refusal({.presence_penalty = 2.0F, .frequency_penalty = -2.0F, .repetition_penalty = 0.001F}),
      "accepted");
  EXPECT_EQ(refusal({.repetition_penalty = 1000.0F, .logit_bias = {{0, 1.0F}, {99, 1.0F}}}),
            "accepted");
}

TEST(Sampling, ATopPOfZeroLeavesTheTopToken) {
  auto params = check_sampling({.temperature = 1.5F, .top_p = 0.0F}, model());
  ASSERT_TRUE(params);
  EXPECT_EQ(params->temperature, 0);
  EXPECT_EQ(params->top_p, 1);
}

TEST(Sampling, StopsAreBoundByTheirBytesNotTheirNumber) {
  EXPECT_EQ(refusal({.stop = std::vector<std::string>(16'384, "x")}), "accepted");
  EXPECT_EQ(refusal({.stop = std::vector<std::string>(16, std::string(1024, 'x'))}), "accepted");
}

TEST(Sampling, RequestBeforeModelBeforeOpenAi) {
  ModelCard given = model();
  given.text.defaults = {.temperature = 0.6F, .top_p = 0.9F, .top_k = 40};
  auto params = check_sampling({.top_p = 0.5F, .seed = 3, .min_tokens = 2}, given);
  ASSERT_TRUE(params);
  EXPECT_FLOAT_EQ(params->temperature, 0.6F);
  EXPECT_FLOAT_EQ(params->top_p, 0.5F);
  EXPECT_FLOAT_EQ(params->min_p, 0);
  EXPECT_EQ(params->top_k, 40U);
  EXPECT_EQ(params->seed, 3U);
  EXPECT_EQ(params->min_tokens, 2U);
  params = check_sampling({}, model());
  ASSERT_TRUE(params);
  EXPECT_FLOAT_EQ(params->temperature, 1);
  EXPECT_FLOAT_EQ(params->top_p, 1);
  EXPECT_EQ(params->top_k, 0U);
}

TEST(Sampling, WithoutASeedEachRequestDrawsItsOwn) {
  auto first = check_sampling({}, model()), second = check_sampling({}, model());
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->seed, second->seed);
}

TEST(Sampling, StopTokensAreTheModelsAndTheRequests) {
  EXPECT_THAT(check_sampling({.stop_token_ids = {8, 3}}, model())->stop_tokens,
              ElementsAre(7, 8, 3));
  EXPECT_THAT(check_sampling({.ignore_eos = true, .stop_token_ids = {3}}, model())->stop_tokens,
              ElementsAre(3));
}

ModelCard of_length(uint32_t max_model_len) { return {.max_model_len = max_model_len}; }

TEST(CompletionLimit, DefaultsToWhatTheContextLeaves) {
  EXPECT_EQ(*completion_limit({}, 16, 100, of_length(512)), 16U);
  EXPECT_EQ(*completion_limit({}, 16, 502, of_length(512)), 10U);
  EXPECT_EQ(*completion_limit({}, UINT32_MAX, 100, of_length(512)), 412U);
  EXPECT_EQ(*completion_limit({.max_tokens = 412}, 16, 100, of_length(512)), 412U);
}

TEST(CompletionLimit, RefusesWhatDoesNotFit) {
  const auto message = [](const Sampling& asked) {
    auto limit = completion_limit(asked, 16, 100, of_length(512));
    return limit ? "accepted" : limit.error().message + " @" + limit.error().param;
  };
  EXPECT_EQ(message({.max_tokens = 5000}),
            "This model's maximum context length is 512 tokens. However, you requested 5100 tokens "
            "(100 in the prompt, 5000 in the completion). (context_length_exceeded) @max_tokens");
  EXPECT_EQ(message({.max_tokens = 0}), "max_tokens is 0; at least 1 is wanted @max_tokens");
  EXPECT_EQ(message({.max_tokens = 4, .min_tokens = 5}),
            "min_tokens is 5; max_tokens is 4 @min_tokens");
  EXPECT_EQ(message({.max_tokens = 5, .min_tokens = 5}), "accepted");
}

}  // namespace
}  // namespace weir::serve
