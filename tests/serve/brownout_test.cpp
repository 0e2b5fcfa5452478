#include "served.h"

namespace weir::serve {
namespace {

using testing::HasSubstr;

/// Two models that generate, "bytes" and its smaller twin, of 16 tokens.
class BrownoutTest : public ServedTest {
 protected:
  void begin(const std::vector<std::string>& rules) {
    auto parsed = parse_brownout(rules, {{"bytes"}, {"small"}});
    ASSERT_TRUE(parsed) << parsed.error().message;
    queue_ = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, nullptr);
    small_queue_ = std::make_shared<work::WorkQueue>(work::WorkQueue::Limits{}, nullptr);
    service_ = make_service(
        {.brownout = *parsed}, {gate_, metrics_, clock_, nullptr}, traffic::KeyStore::open(),
        {{.name = "bytes", .queue = queue_}, {.name = "small", .queue = small_queue_}});
    service_->mark_ready("bytes", bytes_.loaded);
    ModelCard small = bytes_.loaded;
    small.max_model_len = 16;
    service_->mark_ready("small", small);
    caller_ = caller();
  }

  std::unique_ptr<Generation> ask(CompletionRequest request) {
    caller_.notes = {};
    request.model = "bytes";
    return start(request);
  }

  std::shared_ptr<work::WorkQueue> small_queue_;
  std::vector<std::unique_ptr<Generation>> kept_;
};

TEST_F(BrownoutTest, MaxTokensAreLoweredNeverRaised) {
  begin({"queue>=1:max-tokens=4"});
  kept_.push_back(ask({.prompts = {"a"}, .sampling = {.max_tokens = 9}}));
  EXPECT_EQ(header("x-weir-brownout"), "(none)");
  auto lowered = ask({.prompts = {"a"}, .sampling = {.max_tokens = 9, .min_tokens = 6}});
  EXPECT_EQ(header("x-weir-brownout"), "max-tokens=4");
  auto short_one = ask({.prompts = {"a"}, .sampling = {.max_tokens = 3}});
  EXPECT_EQ(header("x-weir-brownout"), "(none)");
  auto requests = queue_->take_all();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(std::get<work::SamplingParams>(requests[0].params).max_tokens, 9U);
  EXPECT_EQ(std::get<work::SamplingParams>(requests[1].params).max_tokens, 4U);
  EXPECT_EQ(std::get<work::SamplingParams>(requests[1].params).min_tokens, 4U);
  EXPECT_EQ(std::get<work::SamplingParams>(requests[2].params).max_tokens, 3U);
  const std::string labels = "{model=\"bytes\",rule=\"queue>=1:max-tokens=4\"}";
  EXPECT_THAT(metrics_.text(), HasSubstr("weir_brownout_requests_total" + labels + " 1"));
  EXPECT_THAT(metrics_.text(), HasSubstr("weir_brownout_active" + labels + " 1"));
  queue_->release_all();  // the look at the metrics ends it
  EXPECT_THAT(metrics_.text(), HasSubstr("weir_brownout_active" + labels + " 0"));
}

TEST_F(BrownoutTest, LowClassesAreRefusedWithTheRule) {
  begin({"queue>=1:min-priority=6"});
  kept_.push_back(ask({.prompts = {"a"}}));
  caller_.notes = {};
  auto refused = complete({.model = "bytes", .prompts = {"a"}}, caller_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(refused.error().message,
            "the request has priority 5; while many wait, model \"bytes\" takes 6 and above (rule "
            "\"queue>=1:min-priority=6\")");
  EXPECT_EQ(refused.error().retry_after, milliseconds(2000));
  EXPECT_EQ(header("x-weir-brownout"), "min-priority=6");
  use_key("priority = 6");
  kept_.push_back(ask({.prompts = {"a"}}));
  EXPECT_EQ(header("x-weir-brownout"), "(none)");
}

TEST_F(BrownoutTest, TheTwinServesAndTheAnswerSaysWho) {
  begin({"queue>=1:model=bytes>small"});
  kept_.push_back(ask({.prompts = {"a"}}));
  auto moved = ask({.prompts = {"hey"}, .sampling = {.max_tokens = 4}});
  EXPECT_EQ(moved->model(), "small");
  EXPECT_EQ(header("x-weir-model"), "small");
  EXPECT_EQ(header("x-weir-brownout"), "model=bytes>small");
  EXPECT_EQ(small_queue_->waiting(), 1U);
  EXPECT_EQ(queue_->waiting(), 1U);
}

TEST_F(BrownoutTest, WhatTheTwinCannotServeStays) {
  begin({"queue>=1:model=bytes>small"});
  kept_.push_back(ask({.prompts = {"a"}}));
  const auto stays = [&](const CompletionRequest& request) {
    kept_.push_back(ask(request));
    EXPECT_EQ(kept_.back()->model(), "bytes");
    EXPECT_EQ(header("x-weir-model"), "bytes");
    EXPECT_EQ(header("x-weir-brownout"), "(none)");
  };
  stays({.prompts = {std::string(20, 'a')}, .sampling = {.max_tokens = 4}});  // too long for it
  stays({.prompts = {std::vector<int32_t>{1, 2}}, .sampling = {.max_tokens = 4}});  // ids
  stays({.prompts = {"a"}, .sampling = {.max_tokens = 4, .stop_token_ids = {5}}});
  stays({.prompts = {"a"}, .sampling = {.max_tokens = 4, .logit_bias = {{5, 1.0F}}}});
  stays({.prompts = {"a"}, .sampling = {.max_tokens = 4, .allowed_token_ids = {5}}});
  use_key("models = [\"bytes\"]");
  stays({.prompts = {"a"}, .sampling = {.max_tokens = 4}});
}

TEST_F(BrownoutTest, TheTwinsOwnRulesHoldForWhatItTakesOver) {
  begin({"queue>=1:model=bytes>small", "queue>=1:max-tokens=2"});
  kept_.push_back(ask({.prompts = {"a"}}));
  kept_.push_back(ask({.prompts = {"a"}, .sampling = {.max_tokens = 4}}));
  EXPECT_EQ(header("x-weir-brownout"), "model=bytes>small");
  kept_.push_back(ask({.prompts = {"a"}, .sampling = {.max_tokens = 4}}));
  EXPECT_EQ(header("x-weir-brownout"), "model=bytes>small, max-tokens=2");
}

}  // namespace
}  // namespace weir::serve
