#include "schedule/checks.h"

#include <gtest/gtest.h>

#include "weir/schedule/scheduler.h"

namespace weir::schedule {
namespace {

const ModelSpec kDecoder{
    .memory = {.pages = true}, .vocabulary = 100, .max_tokens = 16, .pages = 8};
const ModelSpec kEncoder{
    .prompt = Prompt::whole, .heads = {HeadSpec{}}, .vocabulary = 100, .max_tokens = 16};

std::string refusal(const ModelSpec& spec, const work::Request& request) {
  const auto checked = check_request(spec, request);
  if (checked) return "taken";
  EXPECT_EQ(checked.error().code, Code::invalid_argument);
  return checked.error().message;
}

std::string refusal(const ModelSpec& spec, std::vector<int32_t> prompt, work::TaskParams params) {
  return refusal(spec, {.prompt = std::move(prompt), .params = std::move(params)});
}

ModelSpec encoder_decoder() {
  ModelSpec spec = kDecoder;
  spec.memory.source = true;
  spec.max_source = 4;
  return spec;
}

std::string refusal(const ModelSpec& spec) {
  const auto checked = check_spec(spec);
  return checked ? "taken" : checked.error().message;
}

TEST(IdsOfARequest, ArePlacesInTheEmbeddingTable) {
  EXPECT_EQ(refusal(kDecoder, {0, 99}, work::SamplingParams{}), "taken");
  EXPECT_EQ(refusal(kDecoder, {5, 100}, work::SamplingParams{}),
            "prompt[1] is 100; this model's ids are 0 to 99");
  EXPECT_EQ(refusal(kDecoder, {-1}, work::SamplingParams{}),
            "prompt[0] is -1; this model's ids are 0 to 99");
  EXPECT_EQ(refusal(kEncoder, {5, 7, 453}, work::Reads{work::Read{}}),
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

TEST(ASource, IsThereWhereAnEncoderTakesItAndOnlyThere) {
  const auto checked = [](const ModelSpec& spec, std::vector<int32_t> source) {
    return refusal(spec, {.source = std::move(source), .prompt = {1}});
  };
  EXPECT_EQ(checked(encoder_decoder(), {1, 2, 3, 99}), "taken");
  EXPECT_EQ(checked(encoder_decoder(), {}),
            "source has 0 tokens; this model's encoder takes at least 1");
  EXPECT_EQ(checked(encoder_decoder(), {1, 2, 3, 4, 5}),
            "source has 5 tokens; this model's encoder takes 4");
  EXPECT_EQ(checked(encoder_decoder(), {1, 100}), "source[1] is 100; this model's ids are 0 to 99");
  EXPECT_EQ(checked(kDecoder, {1, 2}),
            "source has 2 tokens; this model has no encoder apart from its decoder");
  EXPECT_EQ(refusal(encoder_decoder(), {.source = {1}}),
            "prompt has 0 tokens; this model takes at least 1");
}

TEST(ASpec, OfASourceIsConsistent) {
  EXPECT_EQ(refusal(encoder_decoder()), "taken");
  ModelSpec spec = encoder_decoder();
  spec.max_source = 0;
  EXPECT_EQ(refusal(spec), "max_source is 0; an encoder takes at least 1 token");
  spec = kDecoder;
  spec.max_source = 4;
  EXPECT_EQ(refusal(spec), "max_source is 4; the model has no source pages");
  spec = encoder_decoder();
  spec.memory.pages = false;
  EXPECT_EQ(refusal(spec), "the model has source pages without pages");
  spec = encoder_decoder();
  spec.prompt = Prompt::whole;
  EXPECT_EQ(refusal(spec), "the model has a source and does not split its decoder's prompt");
}

TEST(ASpec, OfAWindowIsConsistent) {
  ModelSpec spec = kDecoder;
  spec.window = 8;
  EXPECT_EQ(refusal(spec), "taken");
  spec.prompt = Prompt::whole;
  EXPECT_EQ(refusal(spec), "window is 8; the model does not split prompts");
  spec.memory = {.slot = true};
  spec.slots = 1;
  EXPECT_EQ(refusal(spec), "window is 8; the model has no pages");
}

TEST(ASpec, SaysHowManyPagesASequenceNeedsToEnd) {
  ModelSpec spec = kDecoder;  // pages of 16
  EXPECT_EQ(spec.least_pages(1600), 100U);
  spec.window = 17;
  EXPECT_EQ(spec.least_pages(1600), 2U);
  spec.window = 18;  // one position, a whole page, one position
  EXPECT_EQ(spec.least_pages(1600), 3U);
  EXPECT_EQ(spec.least_pages(20), 2U);
  spec.page_size = 1;
  EXPECT_EQ(spec.least_pages(1600), 18U);
}

TEST(AStep, TakesTheLongestSourceAndSomeTokensBeside) {
  ModelSpec spec = encoder_decoder();
  spec.max_source = 1000;
  EXPECT_EQ(spec.step_tokens(1), 1001U);
  EXPECT_EQ(spec.step_tokens(512), 1256U);
  EXPECT_EQ(spec.step_tokens(2048), 2048U);
  EXPECT_EQ(kDecoder.step_tokens(1), 1U);
  EXPECT_EQ(kEncoder.step_tokens(1), 16U);
}

TEST(ATask, IsOneThatTheModelHas) {
  EXPECT_EQ(refusal(kEncoder, {1}, work::SamplingParams{}),
            "this model reads prompts; it generates no text");
  EXPECT_EQ(refusal(kDecoder, {1}, work::Reads{work::Read{}}),
            "head 0 draws tokens; it cannot be read");
  EXPECT_EQ(refusal(kEncoder, {1}, work::Reads{}), "the request reads no head; 1 is the least");
}

using Tokens = std::vector<uint32_t>;

/// An embedder and a tagger over one trunk.
ModelSpec two_heads() {
  ModelSpec spec = kEncoder;
  spec.heads = {HeadSpec{}, HeadSpec{.by_token = true}};
  return spec;
}

TEST(Reads, NameHeadsThatAreThereOnce) {
  const work::Read embed{.head = 0}, tag{.head = 1, .tokens = Tokens{0, 2}};
  EXPECT_EQ(refusal(two_heads(), {1, 2, 3}, work::Reads{tag, embed}), "taken");
  EXPECT_EQ(refusal(two_heads(), {1}, work::Reads{embed, work::Read{.head = 2}}),
            "head 2 is read; this model has 2");
  EXPECT_EQ(refusal(two_heads(), {1, 2, 3}, work::Reads{embed, tag, embed}),
            "head 0 is read twice in one request");
}

TEST(Reads, NameTokensOfThePromptInOrderWhereTheHeadGivesLinesForTokens) {
  const auto tag = [](std::optional<Tokens> tokens) {
    return refusal(two_heads(), {1, 2, 3},
                   work::Reads{work::Read{.head = 1, .tokens = std::move(tokens)}});
  };
  EXPECT_EQ(tag(Tokens{}), "taken");
  EXPECT_EQ(tag(Tokens{0, 1, 2}), "taken");
  EXPECT_EQ(tag(Tokens{0, 3}), "token 3 is read by head 1; the prompt has 3 tokens");
  EXPECT_EQ(tag(Tokens{1, 1}),
            "token 1 is read by head 1 after token 1; tokens are named in ascending order");
  EXPECT_EQ(tag(std::nullopt), "head 1 gives numbers for tokens; the request names none");
  EXPECT_EQ(refusal(two_heads(), {1}, work::Reads{work::Read{.tokens = Tokens{0}}}),
            "head 0 gives numbers for a whole prompt; the request names tokens");
}

TEST(TokenTypes, AreAsManyAsThePromptsTokensAndKnownToTheModel) {
  const auto checked = [](uint32_t token_types, std::vector<uint8_t> types) {
    ModelSpec spec = kEncoder;
    spec.token_types = token_types;
    work::Request request;
    request.prompt = {1, 2, 3};
    request.types = std::move(types);
    request.params = work::Reads{work::Read{}};
    const auto result = check_request(spec, request);
    return result ? std::string("taken") : result.error().message;
  };
  EXPECT_EQ(checked(2, {0, 0, 1}), "taken");
  EXPECT_EQ(checked(2, {}), "taken");
  EXPECT_EQ(checked(2, {0, 1}), "prompt has 3 tokens and 2 token types");
  EXPECT_EQ(checked(2, {0, 0, 2}), "types[2] is 2; this model's token types are 0 to 1");
  EXPECT_EQ(checked(1, {0, 1, 0}), "types[1] is 1; this model's token types are 0 to 0");
}

TEST(ASpec, OfHeadsIsConsistent) {
  const auto checked = [](ModelSpec spec) {
    const auto result = check_spec(spec);
    return result ? std::string("taken") : result.error().message;
  };
  EXPECT_EQ(checked(two_heads()), "taken");
  ModelSpec spec = two_heads();
  spec.heads = {};
  EXPECT_EQ(checked(spec), "the model has no head");
  spec = kDecoder;
  spec.heads.push_back(HeadSpec{});
  EXPECT_EQ(checked(spec), "taken");
  spec.heads.push_back(HeadSpec{.draws = true});
  EXPECT_EQ(checked(spec), "head 2 draws; only the first head may");
  spec = kDecoder;
  spec.token_types = 2;
  EXPECT_EQ(checked(spec), "the model draws and has token types");
  spec = kDecoder;
  spec.heads.push_back(HeadSpec{.by_token = true});
  EXPECT_EQ(checked(spec),
            "the model splits prompts and has a head that reads single tokens of them");
}

TEST(PromptLogprobs, AreNotThereForAnEncodersPrompt) {
  const auto checked = [](work::SamplingParams params) {
    return refusal(encoder_decoder(), {.source = {1}, .prompt = {1}, .params = std::move(params)});
  };
  EXPECT_EQ(checked({.prompt_logprobs = 0}),
            "prompt_logprobs is asked for; what an encoder reads has none");
  EXPECT_EQ(checked({.logprobs = 0}), "taken");
}

}  // namespace
}  // namespace weir::schedule
