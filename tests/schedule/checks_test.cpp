#include "schedule/checks.h"

#include <gtest/gtest.h>

namespace weir::schedule {
namespace {

const ModelSpec kDecoder{
    .memory = {.pages = true}, .vocabulary = 100, .max_tokens = 16, .pages = 8};
const ModelSpec kEncoder{
    .prompt = Prompt::whole, .generates = false, .vocabulary = 100, .max_tokens = 16};

std::string refusal(const ModelSpec& spec, std::vector<int32_t> prompt, work::TaskParams params) {
  work::Request request;
  request.prompt = std::move(prompt);
  request.params = std::move(params);
  const auto checked = check_request(spec, request);
  if (checked) return "taken";
  EXPECT_EQ(checked.error().code, Code::invalid_argument);
  return checked.error().message;
}

TEST(IdsOfARequest, ArePlacesInTheEmbeddingTable) {
  EXPECT_EQ(refusal(kDecoder, {0, 99}, work::SamplingParams{}), "taken");
  EXPECT_EQ(refusal(kDecoder, {5, 100}, work::SamplingParams{}),
            "prompt[1] is 100; this model's ids are 0 to 99");
  EXPECT_EQ(refusal(kDecoder, {-1}, work::SamplingParams{}),
            "prompt[0] is -1; this model's ids are 0 to 99");
  EXPECT_EQ(refusal(kEncoder, {5, 7, 453}, work::EmbedParams{}),
            "prompt[2] is 453; this model's ids are 0 to 99");
}

TEST(IdsOfARequest, StopTokensToo) {
  EXPECT_EQ(refusal(kDecoder, {1}, work::SamplingParams{.stop_tokens = {3, 99}}), "taken");
  EXPECT_EQ(refusal(kDecoder, {1}, work::SamplingParams{.stop_tokens = {3, 999999}}),
            "stop_tokens[1] is 999999; this model's ids are 0 to 99");
}

TEST(IdsOfARequest, AndAllThatTheSamplerReads) {
  using work::SamplingParams;
  EXPECT_EQ(
      refusal(kDecoder, {1},
              SamplingParams{.allowed_tokens = {0, 99}, .bad_words = {{1, 2}}, .bias = {{5, 1}}}),
      "taken");
  EXPECT_EQ(refusal(kDecoder, {1}, SamplingParams{.allowed_tokens = {3, 100}}),
            "allowed_tokens[1] is 100; this model's ids are 0 to 99");
  EXPECT_EQ(refusal(kDecoder, {1}, SamplingParams{.allowed_tokens = {3, 2}}),
            "allowed_tokens does not rise");
  EXPECT_EQ(refusal(kDecoder, {1}, SamplingParams{.bad_words = {{1}, {2, 100}}}),
            "bad_words[1] is 100; this model's ids are 0 to 99");
  EXPECT_EQ(refusal(kDecoder, {1}, SamplingParams{.bad_words = {{}}}),
            "bad_words holds an empty word");
  EXPECT_EQ(refusal(kDecoder, {1}, SamplingParams{.bias = {{-1, 1}}}),
            "bias[0] is -1; this model's ids are 0 to 99");
}

TEST(PromptLogprobs, AreNotThereForAnEncodersPrompt) {
  ModelSpec spec = kDecoder;
  spec.prompt = Prompt::whole;
  spec.memory.cross_pages = true;
  spec.cross_pages = 8;
  EXPECT_EQ(refusal(spec, {1}, work::SamplingParams{.prompt_logprobs = 0}),
            "prompt_logprobs is asked for; the prompt of an encoder has none");
  EXPECT_EQ(refusal(spec, {1}, work::SamplingParams{.logprobs = 0}), "taken");
}

}  // namespace
}  // namespace weir::schedule
