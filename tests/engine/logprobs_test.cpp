// Logprobs of prompts and of draws, and draws from changed logits, against the reference's logits.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/golden.h"
#include "weir/nn/sampler.h"

namespace weir::engine::test {
namespace {

using work::SamplingParams;

constexpr float kNever = -std::numeric_limits<float>::infinity();

struct Prompt {
  std::vector<int32_t> ids;
  std::vector<std::vector<double>> logits;  // behind each
};

std::vector<double> log_softmax(std::vector<double> logits) {
  const double top = *std::ranges::max_element(logits);
  double sum = 0;
  for (const double x : logits) sum += std::exp(x - top);
  for (double& x : logits) x -= top + std::log(sum);
  return logits;
}

class Logprobs : public testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<schedule::Runner> runner_ =
      load_runner({.directory = std::string("tests/golden/tiny/") + GetParam(),
                   .dtype = DType::float32,
                   .pages = 64});
  std::vector<Prompt> prompts() const {
    const auto golden = read_golden(std::string("tiny/") + GetParam() + "/golden.json");
    std::vector<Prompt> all;
    for (const auto& prompt : golden["prompts"]) all.push_back({prompt["ids"], prompt["logits"]});
    EXPECT_FALSE(all.empty());
    return all;
  }

  std::vector<schedule::PageId> pages() const {
    std::vector<schedule::PageId> ids;
    for (int i = 0; i < 64; ++i) ids.push_back(i);
    return ids;
  }

  /// The row of the tokens from `first` to `end` of a prompt, each of them scored.
  HandRow row(const Prompt& prompt, size_t first, size_t end, const SamplingParams& params) const {
    const auto from = prompt.ids.begin();
    const size_t scored_end = std::min(end, prompt.ids.size() - 1);
    return {
        .tokens = {from + static_cast<long>(first), from + static_cast<long>(end)},
        .first = static_cast<uint32_t>(first),
        .pages = pages(),
        .params = params,
        .wants_output = end == prompt.ids.size(),
        .text = prompt.ids,
        .prompt_tokens = static_cast<uint32_t>(prompt.ids.size()),
        .scored = {from + static_cast<long>(first) + 1, from + static_cast<long>(scored_end) + 1}};
  }

  static void expect_told(const work::Output& output, const std::vector<double>& logits) {
    const auto& token = std::get<work::Token>(output);
    const std::vector<double> want = log_softmax(logits);
    const double own = want[static_cast<size_t>(token.id)];
    ASSERT_TRUE(token.logprobs);
    EXPECT_NEAR(token.logprobs->own, own, 1e-4);
    const auto at_least = std::ranges::count_if(want, [&](double x) { return x >= own; });
    EXPECT_EQ(token.logprobs->rank, at_least);
    ASSERT_EQ(token.logprobs->top.size(), 5U);
    std::vector<double> falling = want;
    std::ranges::sort(falling, std::greater());
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_NEAR(token.logprobs->top[i].second, falling[i], 1e-4);
      EXPECT_NEAR(want[static_cast<size_t>(token.logprobs->top[i].first)], falling[i], 1e-4);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Tiny, Logprobs, testing::Values("llama-gqa-tied", "qwen3-head-norms"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(Logprobs, OfAPromptAndOfADrawAreTheReferences) {
  const SamplingParams params{.temperature = 0, .logprobs = 5, .prompt_logprobs = 5};
  for (const Prompt& prompt : prompts())
    for (const size_t chunk : {size_t{3}, prompt.ids.size()}) {
      size_t at = 0;
      for (size_t first = 0; first < prompt.ids.size(); first += chunk) {
        const size_t end = std::min(prompt.ids.size(), first + chunk);
        const HandRow asked = row(prompt, first, end, params);
        const auto outputs = run(*runner_, {asked});
        ASSERT_EQ(outputs.size(), asked.scored.size() + 1);
        for (size_t i = 0; i < asked.scored.size(); ++i) {
          EXPECT_EQ(std::get<work::Token>(outputs[i]).id, prompt.ids[at + 1]);
          expect_told(outputs[i], prompt.logits[at++]);
        }
      }
      EXPECT_EQ(at, prompt.ids.size() - 1);
      const auto outputs =
          run(*runner_, {row(prompt, prompt.ids.size() - 1, prompt.ids.size(), params)});
      expect_told(outputs.back(), prompt.logits.back());
    }
}

TEST_P(Logprobs, AreToldOfTheRowsThatAskOnlyAndFromWhereTheyAsk) {
  const std::vector<Prompt> all = prompts();
  const Prompt& prompt =
      *std::ranges::max_element(all, {}, [](const Prompt& each) { return each.ids.size(); });
  HandRow late = row(prompt, 0, prompt.ids.size(), {.prompt_logprobs = 0});
  late.score_from = 2;
  late.scored.erase(late.scored.begin(), late.scored.begin() + 2);
  HandRow plain = row(prompt, 0, prompt.ids.size(), {.temperature = 0});
  plain.scored.clear();
  HandRow asks = plain;
  std::get<SamplingParams>(asks.params).logprobs = 2;
  for (size_t i = 0; i < plain.pages.size(); ++i)
    late.pages[i] = static_cast<int>(i % 16), plain.pages[i] = static_cast<int>(16 + i % 16),
    asks.pages[i] = static_cast<int>(32 + i % 16);
  const auto outputs = run(*runner_, {plain, late, asks});
  ASSERT_EQ(outputs.size(), 1 + late.scored.size() + 1 + 1);
  EXPECT_FALSE(std::get<work::Token>(outputs[0]).logprobs);
  for (size_t i = 0; i < late.scored.size(); ++i) {
    const auto& token = std::get<work::Token>(outputs[1 + i]);
    EXPECT_NEAR(token.logprobs->own,
                log_softmax(prompt.logits[i + 2])[static_cast<size_t>(token.id)], 1e-4);
    EXPECT_TRUE(token.logprobs->top.empty());
  }
  EXPECT_FALSE(std::get<work::Token>(outputs[1 + late.scored.size()]).logprobs);
  EXPECT_EQ(std::get<work::Token>(outputs.back()).logprobs->top.size(), 2U);
}

/// vLLM's definition, on the reference's logits.
int32_t best_after(std::vector<double> logits, const Prompt& prompt, const SamplingParams& params) {
  if (!params.allowed_tokens.empty())
    for (size_t id = 0; id < logits.size(); ++id)
      if (!std::ranges::binary_search(params.allowed_tokens, static_cast<int32_t>(id)))
        logits[id] = kNever;
  for (const auto& word : params.bad_words)
    if (word.size() == 1) logits[static_cast<size_t>(word[0])] = kNever;
  for (const auto& [id, bias] : params.bias) logits[static_cast<size_t>(id)] += bias;
  std::vector<int32_t> seen = prompt.ids;
  std::ranges::sort(seen);
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  for (const int32_t id : seen) {
    double& logit = logits[static_cast<size_t>(id)];
    logit = logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty;
  }
  return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
}

TEST_P(Logprobs, ChangedLogitsAreDrawnFrom) {
  for (const Prompt& prompt : prompts()) {
    const std::vector<double>& logits = prompt.logits.back();
    const auto best = best_after(logits, prompt, {});
    for (const SamplingParams& change :
         {SamplingParams{.allowed_tokens = {1, 5, 77}}, SamplingParams{.bad_words = {{best}}},
          SamplingParams{.bias = {{best, -100.F}, {9, 3.F}}}, SamplingParams{.bias = {{5, 100.F}}},
          SamplingParams{.repetition_penalty = 1.8F}, SamplingParams{.repetition_penalty = 0.3F}}) {
      SamplingParams params = change;
      params.temperature = 0;
      const auto outputs = run(*runner_, {row(prompt, 0, prompt.ids.size(), params)});
      EXPECT_EQ(std::get<work::Token>(outputs.back()).id, best_after(logits, prompt, params));
    }
  }
}

TEST_P(Logprobs, WhereNothingIsLeftToDrawTheRequestIsTold) {
  const Prompt prompt = prompts().front();
  const auto outputs = run(
      *runner_, {row(prompt, 0, prompt.ids.size(),
                     {.allowed_tokens = {4, 5}, .bad_words = {{4}, {5}}, .prompt_logprobs = 0})});
  const auto& error = std::get<Error>(outputs.back());
  EXPECT_EQ(error.code, Code::invalid_argument);
  EXPECT_THAT(error.message, testing::HasSubstr("no token is left to draw"));
}

TEST(SampleLines, EditsAreOfTheTextAndOfTheGuessesSoFar) {
  const auto params = SamplingParams{.min_tokens = 3,
                                     .stop_tokens = {30},
                                     .bad_words = {{7, 8}, {4}, {1, 2, 3, 4, 5, 6, 7, 8, 9}},
                                     .bias = {{30, 2.F}, {10, 0.5F}},
                                     .repetition_penalty = 2,
                                     .presence_penalty = 0.25F,
                                     .frequency_penalty = 0.5F,
                                     .logprobs = 50};
  const std::vector<int32_t> text = {1, 2, 2, /* the completion */ 7, 10}, guesses = {7, 9};
  nn::SampleLines all;
  all.fill(std::vector<nn::RowTask>{{.sampling = &params,
                                     .drawn = 2,
                                     .wants_output = true,
                                     .guesses = guesses,
                                     .text = text,
                                     .prompt_tokens = 3}},
           40);
  ASSERT_EQ(all.lines().size(), 3U);
  using Edit = std::tuple<int32_t, float, float, float>;
  const auto edits = [&](size_t line) {
    std::vector<Edit> list;
    for (const auto& edit : all.lines()[line].edits)
      list.emplace_back(edit.id, edit.add, edit.repetition, edit.subtract);
    std::ranges::sort(list);
    return list;
  };
  EXPECT_EQ(edits(0), (std::vector<Edit>{{1, 0.F, 2.F, 0.F},
                                         {2, 0.F, 2.F, 0.F},
                                         {4, kNever, 1.F, 0.F},
                                         {7, 0.F, 2.F, 0.75F},
                                         {10, 0.5F, 2.F, 0.75F},
                                         {30, kNever, 1.F, 0.F}}));
  // Behind the first guess "7" the word "7 8" would be whole; stop tokens may be drawn.
  EXPECT_EQ(edits(1), (std::vector<Edit>{{1, 0.F, 2.F, 0.F},
                                         {2, 0.F, 2.F, 0.F},
                                         {4, kNever, 1.F, 0.F},
                                         {7, 0.F, 2.F, 1.25F},
                                         {8, kNever, 1.F, 0.F},
                                         {10, 0.5F, 2.F, 0.75F},
                                         {30, 2.F, 1.F, 0.F}}));
  EXPECT_EQ(edits(2), (std::vector<Edit>{{1, 0.F, 2.F, 0.F},
                                         {2, 0.F, 2.F, 0.F},
                                         {4, kNever, 1.F, 0.F},
                                         {7, 0.F, 2.F, 1.25F},
                                         {9, 0.F, 2.F, 0.75F},
                                         {10, 0.5F, 2.F, 0.75F},
                                         {30, 2.F, 1.F, 0.F}}));
  EXPECT_EQ(all.lines()[0].logprobs, 40);  // a vocabulary has no more
  EXPECT_EQ(all.lines()[2].draw, 4U);
}

}  // namespace
}  // namespace weir::engine::test
