#include "served.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// The byte model as an encoder-decoder: its encoder takes 20 tokens, its decoder 64.
class EncoderDecoderTest : public ServedTest {
 protected:
  static constexpr int32_t kStart = kTurn;

  void SetUp() override { begin({}); }
  void begin(ServiceOptions options) {
    bytes_.loaded.encoder = Encoder{.max_tokens = 20, .decoder_start = kStart};
    restart(options);
  }

  std::string refusal(const Ask& ask) {
    auto refused = service_->start(ask, caller_);
    if (refused) return "accepted";
    EXPECT_EQ(refused.error().code, Code::invalid_argument);
    const char* name = refused.error().name;
    return refused.error().message + " @" + refused.error().param + ' ' + (name ? name : "");
  }
  std::string refusal(const CompletionRequest& request) { return refusal(ask_of(request)); }
  /// Asks and gives the answer "xy".
  void answer(const CompletionRequest& request) {
    auto generation = start(request);
    work::Request work = take();
    push(work, "xy");
    work.reply.finish({.reason = work::FinishReason::length});
    EXPECT_EQ(text_of(drain(*generation)), "xy");
  }
  static const work::SamplingParams& params_of(const work::Request& request) {
    return std::get<work::SamplingParams>(request.params);
  }
};

TEST_F(EncoderDecoderTest, TheEncoderReadsThePromptAndTheDecoderBeginsWithItsStart) {
  auto generation = start({.prompts = {"hey"}, .sampling = {.max_tokens = 2}});
  work::Request request = take();
  EXPECT_THAT(request.source, ElementsAre(kBos, 'h', 'e', 'y'));
  EXPECT_THAT(request.prompt, ElementsAre(kStart));
  EXPECT_EQ(generation->prompts(),
            (Prompts{{.ids = request.source, .decoder_ids = request.prompt}}));
  request.reply.start({});
  push(request, "xy");
  request.reply.finish({.reason = work::FinishReason::length});
  EXPECT_EQ(text_of(drain(*generation)), "xy");
  EXPECT_EQ(generation->usage().prompt_tokens, 5U);
  EXPECT_EQ(generation->usage().cached_tokens, 0U);
  EXPECT_THAT(metrics_.text(), HasSubstr("weir_prompt_tokens_total{model=\"bytes\"} 5\n"));
}

TEST_F(EncoderDecoderTest, OtherModelsHaveNoSource) {
  bytes_.loaded.encoder.reset();
  restart();
  auto generation = start({.prompts = {"hey"}});
  work::Request request = take();
  EXPECT_THAT(request.source, IsEmpty());
  EXPECT_THAT(request.prompt, ElementsAre(kBos, 'h', 'e', 'y'));
  EXPECT_EQ(generation->prompts(), (Prompts{{.ids = request.prompt}}));
}

TEST_F(EncoderDecoderTest, ADecoderPromptFollowsTheStartTokenOfEveryPrompt) {
  auto generation = start({.prompts = {"a", bytes_of("bc")}, .decoder_prompt = "<eos>d"});
  auto requests = queue_->take_all();
  queue_->release_all();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_THAT(requests[0].source, ElementsAre(kBos, 'a'));
  EXPECT_THAT(requests[1].source, ElementsAre('b', 'c'));  // ids as they are
  for (const work::Request& request : requests)
    EXPECT_THAT(request.prompt, ElementsAre(kStart, kEos, 'd'));  // no <bos>
}

TEST_F(EncoderDecoderTest, IdsThatBeginWithTheStartTokenGetNoSecondOne) {
  const auto prompt = [&](const Prompt& asked) {
    auto generation = start({.prompts = {"a"}, .decoder_prompt = asked});
    return take().prompt;
  };
  EXPECT_THAT(prompt(std::vector<int32_t>{kStart, 'd'}), ElementsAre(kStart, 'd'));
  EXPECT_THAT(prompt(std::vector<int32_t>{'d', kStart}), ElementsAre(kStart, 'd', kStart));
  EXPECT_THAT(prompt(std::vector<int32_t>{}), ElementsAre(kStart));
  EXPECT_THAT(prompt(""), ElementsAre(kStart));
  EXPECT_THAT(prompt("<turn>d"), ElementsAre(kStart, kStart, 'd'));
}

TEST_F(EncoderDecoderTest, WithoutMaxTokensTheDecodersLengthDecides) {
  auto generation = start({.prompts = {"a"}, .decoder_prompt = "bcd"});
  EXPECT_EQ(params_of(take()).max_tokens, 60U);
  bytes_.loaded.text.defaults.max_new_tokens = 30;
  begin({});
  generation = start({.prompts = {"a"}});
  EXPECT_EQ(params_of(take()).max_tokens, 30U);
  generation = start({.prompts = {"a"}, .sampling = {.min_tokens = 40}});
  EXPECT_EQ(params_of(take()).max_tokens, 40U);
}

TEST_F(EncoderDecoderTest, EachSideHasItsLength) {
  const std::string over =
      "; this model's encoder takes 20 tokens (context_length_exceeded) @prompt "
      "context_length_exceeded";
  EXPECT_EQ(refusal({.prompts = {std::string(19, 'x')}}), "accepted");
  EXPECT_EQ(refusal({.prompts = {std::string(20, 'x')}}), "prompt has 21 tokens" + over);
  EXPECT_EQ(refusal({.prompts = {std::vector<int32_t>(20, 'x')}}), "accepted");
  EXPECT_EQ(refusal({.prompts = {std::vector<int32_t>(21, 'x')}}), "prompt has 21 tokens" + over);
  EXPECT_EQ(refusal({.prompts = {std::string(121, 'x')}}),
            "prompt has 121 bytes, which are at least 21 tokens" + over);
  EXPECT_EQ(refusal({.prompts = {""}, .add_special_tokens = false}),
            "prompt is empty @prompt string_below_min_length");
  EXPECT_EQ(refusal({.prompts = {"a"}, .decoder_prompt = std::string(62, 'x')}), "accepted");
  EXPECT_EQ(refusal({.prompts = {"a"}, .decoder_prompt = std::string(63, 'x')}),
            "This model's maximum context length is 64 tokens. However, the decoder's start token "
            "and decoder_prompt have 64 tokens, and at least one is for the answer. "
            "(context_length_exceeded) @decoder_prompt context_length_exceeded");
  EXPECT_EQ(refusal({.prompts = {"a"}, .sampling = {.max_tokens = 64}}),
            "This model's maximum context length is 64 tokens. However, you requested 65 tokens (1 "
            "in the decoder's prompt, 64 in the completion). (context_length_exceeded) @max_tokens "
            "context_length_exceeded");
  EXPECT_EQ(refusal({.prompts = {std::string(19, 'x')}, .sampling = {.max_tokens = 63}}),
            "accepted");
}

TEST_F(EncoderDecoderTest, ADecoderPromptHasTheModelsIds) {
  EXPECT_EQ(refusal({.prompts = {"a"}, .decoder_prompt = std::vector<int32_t>{1, 261}}),
            "decoder_prompt[1] is 261; this model's ids are 0 to 260 @decoder_prompt[1] "
            "integer_above_max_value");
  EXPECT_THAT(refusal({.prompts = {"a"}, .decoder_prompt = "a\xFF"}), HasSubstr("@decoder_prompt"));
}

TEST_F(EncoderDecoderTest, WhatItCannotDoIsRefusedByName) {
  EXPECT_EQ(refusal({.prompts = {"a"}, .echo = true}),
            "\"echo\" is not supported by model \"bytes\", an encoder-decoder, whose completion "
            "does not go on from its prompt @echo unsupported_parameter");
  EXPECT_EQ(refusal({.prompts = {"a"}, .sampling = {.prompt_logprobs = 0}}),
            "\"prompt_logprobs\" is not supported by model \"bytes\", an encoder-decoder, which "
            "draws no token of its prompt @prompt_logprobs unsupported_parameter");
  EXPECT_EQ(refusal({.prompts = {"a"}, .sampling = {.logprobs = 2}}), "accepted");
  const std::string no_chat =
      "model \"bytes\" is an encoder-decoder and takes no messages; /v1/completions takes its "
      "prompts";
  EXPECT_EQ(refusal(ask_of(ChatRequest{.messages = R"([{"role":"user","content":"a"}])"})),
            no_chat + " @model invalid_value");
  auto tokens = service_->tokenize({.model = "bytes", .input = Chat{.messages = "[]"}}, caller_);
  ASSERT_FALSE(tokens);
  EXPECT_EQ(tokens.error().message, no_chat);
  bytes_.loaded.encoder.reset();
  restart();
  EXPECT_EQ(refusal({.prompts = {"a"}, .decoder_prompt = ""}),
            "\"decoder_prompt\" is not supported by model \"bytes\", which has no encoder "
            "@decoder_prompt unsupported_parameter");
}

TEST_F(EncoderDecoderTest, CopiesOfADecoderPromptAreBounded) {
  bytes_.loaded.max_model_len = 100'000;
  begin({});
  const CompletionRequest request{.prompts = std::vector<Prompt>(47, "a"),
                                  .decoder_prompt = std::vector<int32_t>(90'000, 'x')};
  EXPECT_EQ(refusal(request),
            "prompt has 47 entries; with these allowed_token_ids, bad_words, logit_bias and "
            "decoder_prompt at most 46 are taken @prompt array_above_max_length");
}

TEST_F(EncoderDecoderTest, LimitsCountBothSides) {
  use_key("limits = [ { unit = \"tokens\", cap = 100, window = \"1000000s\" } ]");
  CompletionRequest request{
      .prompts = {"hey"}, .sampling = {.max_tokens = 10}, .decoder_prompt = "de"};
  auto dry = dry_run(request, caller_);
  ASSERT_TRUE(dry) << dry.error().message;
  EXPECT_EQ(dry->input_tokens, 7);
  ASSERT_THAT(dry->prompts, SizeIs(1));
  EXPECT_EQ(dry->prompts[0].text, "hey");
  EXPECT_THAT(dry->prompts[0].tokens.ids, ElementsAre(kBos, 'h', 'e', 'y'));
  EXPECT_EQ(dry->prompts[0].decoder_text, "<turn>de");
  EXPECT_THAT(dry->prompts[0].tokens.decoder_ids, ElementsAre(kStart, 'd', 'e'));
  auto generation = start(request);
  EXPECT_EQ(remaining(), "83");
  work::Request work = take();
  push(work, "x");
  work.reply.finish({.reason = work::FinishReason::stop});
  drain(*generation);
  generation = start({.prompts = {"a"}, .sampling = {.max_tokens = 1}});
  EXPECT_EQ(remaining(), "88");  // 100 - (7 + 1) - (3 + 1)
}

TEST_F(EncoderDecoderTest, TheResponseCacheTellsSourcesAndDecoderPromptsApart) {
  begin({.response_cache = size_t{1} << 20});
  const auto greedy = [](const Prompt& prompt, const Prompt& decoder_prompt) {
    return CompletionRequest{.prompts = {prompt},
                             .sampling = {.temperature = 0.0F, .max_tokens = 2},
                             .decoder_prompt = decoder_prompt};
  };
  answer(greedy("a", "d"));
  EXPECT_EQ(header("x-weir-cache"), "miss");
  answer(greedy("b", "d"));  // another source
  EXPECT_EQ(header("x-weir-cache"), "miss");
  answer(greedy("a", "e"));  // another decoder prompt
  EXPECT_EQ(header("x-weir-cache"), "miss");
  auto again = start(greedy("a", std::vector<int32_t>{kStart, 'd'}));
  EXPECT_EQ(header("x-weir-cache"), "hit");
  EXPECT_EQ(text_of(drain(*again)), "xy");
  EXPECT_EQ(again->usage().prompt_tokens, 4U);
  EXPECT_EQ(again->prompts(), (Prompts{{.ids = {kBos, 'a'}, .decoder_ids = {kStart, 'd'}}}));
}

TEST_F(EncoderDecoderTest, AConversationWithoutAModelIsForTheModelThatTakesOne) {
  const Ask chat = ask_of(ChatRequest{.messages = R"([{"role":"user","content":"a"}])"});
  EXPECT_THAT(refusal(chat), HasSubstr("takes no messages"));  // no other model generates
  const auto serve = [&](std::vector<ServedModel> models) {
    service_ = make_service({}, {gate_, metrics_, clock_, nullptr}, traffic::KeyStore::open(),
                            std::move(models));
    caller_ = caller();
  };
  const ServedModel translator{.name = "t", .encoder_decoder = true, .queue = embed_queue_};
  serve({{.name = "bytes", .queue = queue_}, translator});
  service_->mark_ready("t", bytes_.loaded);
  bytes_.loaded.encoder.reset();
  service_->mark_ready("bytes", bytes_.loaded);
  auto generation = service_->start(chat, caller_);
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ((*generation)->model(), "bytes");
  EXPECT_EQ(refusal({.prompts = {"a"}}),
            "model is missing; choose one of: bytes, t @model missing_required_parameter");
}

TEST_F(EncoderDecoderTest, TheModelTellsBothLengths) {
  auto models = service_->models(caller_);
  EXPECT_EQ(models.at(0).max_model_len, 64U);
  EXPECT_EQ(models.at(0).max_source_len, 20U);
  EXPECT_FALSE(models.at(1).max_source_len);
  auto tokens = service_->tokenize({.model = "bytes", .input = Text{"hi"}}, caller_);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens->max_source_len, 20U);
  tokens = service_->tokenize({.model = "bytes", .input = Text{std::string(121, 'x')}}, caller_);
  ASSERT_FALSE(tokens);
  EXPECT_THAT(tokens.error().message, HasSubstr("this model's encoder takes 20 tokens"));
}

}  // namespace
}  // namespace weir::serve
