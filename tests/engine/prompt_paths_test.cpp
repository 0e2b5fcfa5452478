// The ways by which a prompt is read: whole, in chunks, behind a cached prefix. Each gives the
// reference's text, and the logprobs of the first way to the bit.
#include <algorithm>

#include "engine/golden.h"

namespace weir::engine::test {
namespace {

const work::TaskParams kTold = work::SamplingParams{.temperature = 0, .logprobs = 1};
constexpr size_t kCached = 32;  // two pages of 16 positions

struct Text {
  std::vector<int32_t> ids;
  std::vector<float> logprobs;  // of each
};

std::vector<schedule::PageId> pages_from(int first) {
  std::vector<schedule::PageId> ids;
  for (int i = 0; i < 8; ++i) ids.push_back(first + i);
  return ids;
}

class PromptPaths : public testing::TestWithParam<const char*> {
 protected:
  /// The greedy text behind `prompt`, of which `pages` hold the first `from` tokens already.
  Text text(std::vector<int32_t> prompt, size_t from, size_t chunk,
            std::vector<schedule::PageId> pages) {
    const size_t wanted = prompt.size() + 24;
    Text text;
    for (size_t at = from; prompt.size() < wanted;) {
      const size_t end = std::min(prompt.size(), at + chunk);
      HandRow row{.tokens = {prompt.begin() + static_cast<long>(at),
                             prompt.begin() + static_cast<long>(end)},
                  .first = static_cast<uint32_t>(at),
                  .pages = pages,
                  .params = kTold,
                  .wants_output = end == prompt.size()};
      const auto outputs = run(*runner_, {row});
      at = end;
      if (!row.wants_output) continue;
      const auto& token = std::get<work::Token>(outputs.at(0));
      text.ids.push_back(token.id);
      text.logprobs.push_back(token.logprobs->own);
      prompt.push_back(token.id);
    }
    return text;
  }

  std::unique_ptr<schedule::Runner> runner_ =
      load_runner({.directory = std::string("tests/golden/tiny/") + GetParam(),
                   .dtype = DType::float32,
                   .pages = 64});
};

TEST_P(PromptPaths, GiveTheSameText) {
  const auto golden = read_golden(std::string("tiny/") + GetParam() + "/golden.json")["prompts"];
  for (const auto& each : golden) {
    const std::vector<int32_t> prompt = each["ids"];
    const Text whole = text(prompt, 0, prompt.size(), pages_from(0));
    EXPECT_EQ(whole.ids, each["output_ids"].get<std::vector<int32_t>>());
    const Text chunks = text(prompt, 0, 7, pages_from(10));
    EXPECT_EQ(chunks.ids, whole.ids);
    EXPECT_EQ(chunks.logprobs, whole.logprobs);
    if (prompt.size() <= kCached) continue;
    auto shared = pages_from(20);
    std::ranges::copy_n(pages_from(0).begin(), kCached / 16, shared.begin());
    const Text cached = text(prompt, kCached, prompt.size(), shared);
    EXPECT_EQ(cached.ids, whole.ids);
    EXPECT_EQ(cached.logprobs, whole.logprobs);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, PromptPaths,
                         testing::Values("llama-linear-rope", "llama-yarn", "llama-yarn-fields",
                                         "qwen3-head-norms", "mistral-window", "qwen2-tied",
                                         "qwen2-window", "phi3-part-window", "phi3-tied"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace weir::engine::test
