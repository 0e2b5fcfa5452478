#include <gmock/gmock.h>

#include "engine/tiny_model.h"

namespace weir::engine::test {
namespace {

const work::TaskParams kGreedy = work::SamplingParams{.temperature = 0};

std::vector<schedule::PageId> pages(int first, int count, int step = 1) {
  std::vector<schedule::PageId> ids;
  for (int i = 0; i < count; ++i) ids.push_back(first + i * step);
  return ids;
}

std::vector<int32_t> prompt(int length, int seed) {
  std::vector<int32_t> ids;
  for (int i = 0; i < length; ++i) ids.push_back((i * 37 + seed * 101 + 5) % 211);
  return ids;
}

int32_t token(const work::Output& output) {
  const auto* value = std::get_if<work::Token>(&output);
  EXPECT_NE(value, nullptr);
  return value ? value->id : -2;
}

/// A prompt, then `count` greedy tokens, alone; the prompt in chunks of `chunk`.
std::vector<int32_t> alone(schedule::Runner& runner, std::vector<int32_t> tokens, int count,
                           size_t chunk, const std::vector<schedule::PageId>& own) {
  std::vector<int32_t> result;
  for (size_t at = 0; at < tokens.size(); at += chunk) {
    size_t end = std::min(tokens.size(), at + chunk);
    HandRow row{{tokens.begin() + static_cast<long>(at), tokens.begin() + static_cast<long>(end)},
                static_cast<uint32_t>(at),
                own,
                kGreedy,
                0,
                end == tokens.size()};
    auto outputs = run(runner, {row});
    if (end == tokens.size()) result.push_back(token(outputs[0]));
  }
  while (static_cast<int>(result.size()) < count) {
    HandRow row{
        {result.back()}, static_cast<uint32_t>(tokens.size() + result.size() - 1), own, kGreedy};
    result.push_back(token(run(runner, {row})[0]));
  }
  return result;
}

class CpuRunnerTest : public ::testing::TestWithParam<DType> {
 protected:
  ModelFolder folder_{kTinyLlama};
  std::unique_ptr<schedule::Runner> runner_ =
      load_runner({.directory = folder_.path(), .dtype = GetParam(), .pages = 64, .dummy = true});
};

TEST_P(CpuRunnerTest, ChunksOfAPromptGiveTheTextOfTheWhole) {
  auto whole = alone(*runner_, prompt(75, 1), 12, 75, pages(0, 6));
  EXPECT_EQ(alone(*runner_, prompt(75, 1), 12, 32, pages(10, 6)), whole);
  EXPECT_EQ(alone(*runner_, prompt(75, 1), 12, 7, pages(40, 6, -1)), whole);
}

TEST_P(CpuRunnerTest, ABatchGivesEachItsOwnText) {
  std::vector<std::vector<int32_t>> single;
  for (int i = 0; i < 5; ++i)
    single.push_back(alone(*runner_, prompt(9 + 13 * i, i), 6, 100, pages(0, 6)));
  std::vector<HandRow> rows;
  for (int i = 0; i < 5; ++i) rows.push_back({prompt(9 + 13 * i, i), 0, pages(i, 6, 5), kGreedy});
  std::vector<std::vector<int32_t>> together(5);
  for (int step = 0; step < 6; ++step) {
    auto outputs = run(*runner_, rows);
    for (size_t i = 0; i < 5; ++i) {
      together[i].push_back(token(outputs[i]));
      rows[i].first += static_cast<uint32_t>(rows[i].tokens.size());
      rows[i].tokens = {together[i].back()};
    }
  }
  EXPECT_EQ(together, single);
}

TEST_P(CpuRunnerTest, ACachedPrefixGivesTheTextOfAFreshOne) {
  auto fresh = alone(*runner_, prompt(50, 3), 8, 50, pages(0, 4));
  // Pages 0 to 2 hold the first 48 tokens still; a second sequence begins after them with pages of
  // its own.
  HandRow row{{}, 48, {0, 1, 2, 20}, kGreedy};
  auto tokens = prompt(50, 3);
  row.tokens.assign(tokens.begin() + 48, tokens.end());
  std::vector<int32_t> cached{token(run(*runner_, {row})[0])};
  while (cached.size() < 8) {
    HandRow next{
        {cached.back()}, static_cast<uint32_t>(50 + cached.size() - 1), {0, 1, 2, 20}, kGreedy};
    cached.push_back(token(run(*runner_, {next})[0]));
  }
  EXPECT_EQ(cached, fresh);
}

TEST_P(CpuRunnerTest, ASeedGivesTheSameTokenWhateverElseIsInTheStep) {
  work::TaskParams drawn =
      work::SamplingParams{.temperature = 1, .top_p = 0.95f, .top_k = 50, .seed = 7};
  HandRow row{prompt(20, 2), 0, pages(0, 2), drawn, 3};
  int32_t expected = token(run(*runner_, {row})[0]);
  work::TaskParams other = work::SamplingParams{.temperature = 2, .seed = 99};
  HandRow neighbour{prompt(33, 4), 0, pages(10, 3), other};
  EXPECT_EQ(token(run(*runner_, {neighbour, row, neighbour})[1]), expected);
}

TEST_P(CpuRunnerTest, DraftsGiveWhatSingleStepsGive) {
  auto tokens = prompt(21, 5);
  const auto text = alone(*runner_, tokens, 8, 100, pages(0, 2));
  run(*runner_, {{tokens, 0, pages(10, 2), kGreedy}});
  // The second guess is wrong: what follows it is what would follow a wrong token.
  std::vector<int32_t> guessed{text[0], text[1], (text[2] + 1) % 211, text[3]};
  HandRow row{guessed, 21, pages(10, 2), kGreedy, 1};
  row.drafts = 3;
  auto outputs = run(*runner_, {row, {prompt(9, 1), 0, pages(20, 1), kGreedy}});
  ASSERT_EQ(outputs.size(), 5u);
  EXPECT_EQ(token(outputs[0]), text[1]);
  EXPECT_EQ(token(outputs[1]), text[2]);
  // The next step writes over it.
  HandRow next{{text[2], text[3], text[4], text[5]}, 23, pages(10, 2), kGreedy, 3};
  next.drafts = 3;
  outputs = run(*runner_, {next});
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(token(outputs[i]), text[3 + i]);
}

TEST_P(CpuRunnerTest, ADraftIsDrawnWithTheSeedOfItsPlace) {
  work::TaskParams params =
      work::SamplingParams{.temperature = 1, .seed = 7, .min_tokens = 3, .stop_tokens = {1, 2, 3}};
  auto tokens = prompt(20, 2);
  std::vector<int32_t> text;
  for (uint32_t drawn = 0; drawn < 5; ++drawn) {
    HandRow row{tokens, drawn ? 19 + drawn : 0, pages(0, 2), params, drawn};
    text.push_back(token(run(*runner_, {row})[0]));
    tokens = {text.back()};
  }
  HandRow row{{text[0], text[1], text[2], text[3]}, 20, pages(0, 2), params, 1};
  row.drafts = 3;
  auto outputs = run(*runner_, {row});
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(token(outputs[i]), text[1 + i]);
}

INSTANTIATE_TEST_SUITE_P(Types, CpuRunnerTest, ::testing::Values(DType::float32, DType::bfloat16));

TEST(BertRunnerTest, ABatchGivesEachItsOwnVector) {
  ModelFolder folder(kTinyBert);
  auto runner = load_runner({.directory = folder.path(), .dtype = DType::float32, .dummy = true});
  std::vector<HandRow> rows;
  for (int i = 0; i < 6; ++i) {
    HandRow row{{}, 0, {}, work::Reads{work::Read{}}};
    for (int k = 0; k < 3 + 11 * i; ++k) row.tokens.push_back((k * 7 + i) % 101);
    rows.push_back(row);
  }
  auto together = run(*runner, rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    auto single = vector_of(run(*runner, {rows[i]})[0]);
    const auto& batched = vector_of(together[i]);
    ASSERT_EQ(single.size(), 48u);
    float norm = 0;
    for (size_t k = 0; k < single.size(); ++k) {
      EXPECT_NEAR(single[k], batched[k], 1e-6);
      norm += single[k] * single[k];
    }
    EXPECT_NEAR(norm, 1, 1e-5);
  }
}

TEST(LoadTest, ASequenceIsNoLongerThanTheCache) {
  ModelFolder folder(kTinyLlama);
  Progress progress;
  auto loaded =
      load({.directory = folder.path(), .dtype = DType::float32, .pages = 3, .dummy = true},
           arch::table(), cpu(), progress);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->runner->spec().max_tokens, 48u);
  EXPECT_EQ(loaded->description.max_model_len, 48u);
}

TEST(LoadTest, WhatCannotBeServedIsRefusedByName) {
  auto message = [](const std::string& config, LoadOptions options = {}) {
    ModelFolder folder(config);
    options.directory = folder.path();
    auto result = describe(options, arch::table(), DeviceKind::cpu);
    return result ? std::string("accepted") : result.error().message;
  };
  std::string served;
  for (const nn::Architecture& each : arch::table())
    served += (served.empty() ? "" : ", ") + each.name;
  EXPECT_THAT(
      message(R"({"architectures": ["OPTForCausalLM"]})"),
      ::testing::HasSubstr("architecture OPTForCausalLM is not supported (" + served + ")"));
  EXPECT_THAT(message(R"([1])"), ::testing::HasSubstr("is not a JSON object"));
  EXPECT_THAT(message(R"({"architectures": ["BertModel"], "hidden_size": "x"})"),
              ::testing::HasSubstr("num_hidden_layers is missing"));
  const std::string sliding = R"({"use_sliding_window": true,)" + std::string(kTinyLlama).substr(1);
  EXPECT_THAT(message(sliding, {.dummy = true}),
              ::testing::HasSubstr("windows in some layers are not supported"));
  EXPECT_THAT(message(kTinyBert, {.max_model_len = 65, .dummy = true}),
              ::testing::HasSubstr("max-model-len is 65; this model takes 64"));
  EXPECT_THAT(message(kTinyBert),
              ::testing::HasSubstr("has no model.safetensors and no model.safetensors.index.json"));
  EXPECT_EQ(message(kTinyBert, {.dummy = true}), "accepted");
}

}  // namespace
}  // namespace weir::engine::test
