#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "serve/tasks/spans_of_text.h"
#include "serve/tasks/windows.h"
#include "weir/text/tokenizer.h"

namespace weir::serve {
namespace {

/// A tagger of which a word's numbers depend on the word alone, so that windows may change nothing.
TEST(WindowsOfTexts, GiveTheSpansOfTheWholeAtEveryLength) {
  const auto tokenizer = *text::Tokenizer::load("tests/golden/tiny/bert-mean");
  const std::vector<std::string> pool = {"the",   "weir", "river,", "jumps", "watermills", "É",
                                         "again", "日本", "fox-",   "a",     "holds",      "sea."};
  const std::vector<std::string> labels = {"O", "B-X", "I-X", "B-Y", "I-Y"};
  std::mt19937 random(21);
  const auto below = [&](size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random);
  };
  std::vector<float> transitions(25);
  for (float& each : transitions) each = std::normal_distribution(0.F, 2.F)(random);
  const std::vector<float> edge(labels.size());
  const folder::HeadCard tagger{.labels = labels, .crf = folder::Crf{edge, transitions, edge}};
  const auto numbers = [&](const Window& window) {
    std::vector<float> all;
    for (const uint32_t at : window.reads) {
      for (size_t i = 0; i < labels.size(); ++i) {
        all.push_back(static_cast<float>(2 * std::sin(window.ids[at] * (i + 1.3))));
      }
    }
    return all;
  };
  size_t spans = 0;
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (size_t words = 1 + below(25); words > 0; --words) text += pool[below(pool.size())] + " ";
    const auto encoding = *tokenizer->encode_places(text, std::nullopt, true);
    const auto units = units_of(encoding, true);
    const auto whole = spans_of_text(text, {units, numbers(*cut_window(encoding, units, 10'000))},
                                     tagger, Aggregation::simple);
    spans += whole.size();
    for (size_t limit = 3; limit <= encoding.size() + 1; ++limit) {
      const auto windows = *windows_of(encoding, units, limit);
      EXPECT_TRUE(windows.size() == 1 || limit < encoding.size()) << limit;
      std::vector<std::vector<float>> kept;
      std::vector<WindowUnits> taken;
      for (const Window& window : windows) {
        kept.push_back(numbers(window));
        taken.push_back(window.units);
      }
      const std::vector<std::span<const float>> views(kept.begin(), kept.end());
      const auto merged = merge_windows(taken, views, labels.size());
      EXPECT_EQ(spans_of_text(text, {units, merged}, tagger, Aggregation::simple), whole) << limit;
    }
  }
  EXPECT_GT(spans, 500U);
}

}  // namespace
}  // namespace weir::serve
