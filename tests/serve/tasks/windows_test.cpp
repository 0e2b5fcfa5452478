#include "serve/tasks/windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace weir::serve {
namespace {

constexpr size_t kAround = 2;  // [CLS] and [SEP]
constexpr int32_t kCls = 2, kSep = 3;

/// An encoding whose words have these numbers of tokens; all ids differ.
text::Encoding encoding_of(const std::vector<size_t>& words) {
  text::Encoding encoding;
  const auto add = [&](int32_t id, int32_t word, int8_t text) {
    const auto at = static_cast<uint32_t>(encoding.size());
    encoding.ids.push_back(id);
    encoding.types.push_back(text < 0 ? 1 : 0);
    encoding.offsets.push_back({.begin = 2 * at, .end = 2 * at + 1});
    encoding.words.push_back(word);
    encoding.texts.push_back(text);
  };
  add(kCls, -1, -1);
  for (size_t word = 0; word < words.size(); ++word) {
    for (size_t i = 0; i < words[word]; ++i) {
      add(static_cast<int32_t>(100 + encoding.size()), static_cast<int32_t>(word), 0);
    }
  }
  add(kSep, -1, -1);
  return encoding;
}

/// What a model with one number a token gives: of ids up to `reach` tokens away.
std::vector<float> read(const Window& window, int reach) {
  std::vector<float> numbers;
  const auto size = static_cast<int>(window.ids.size());
  for (const uint32_t at : window.reads) {
    double number = 0;
    for (int by = -reach; by <= reach; ++by) {
      const int near = static_cast<int>(at) + by;
      if (near < 1 || near >= size - 1) continue;
      number += std::sin(1.7 * window.ids[near] + by);
    }
    numbers.push_back(static_cast<float>(number));
  }
  return numbers;
}

std::vector<float> read_all(const std::vector<Window>& windows, int reach) {
  std::vector<std::vector<float>> kept;
  std::vector<WindowUnits> units;
  for (const Window& window : windows) {
    kept.push_back(read(window, reach));
    units.push_back(window.units);
  }
  const std::vector<std::span<const float>> views(kept.begin(), kept.end());
  return merge_windows(units, views, 1);
}

class Windows : public testing::TestWithParam<bool> {
 protected:
  size_t below(size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random_);
  }

  std::vector<size_t> words(size_t most, size_t longest) {
    std::vector<size_t> all(below(most + 1));
    for (size_t& word : all) word = 1 + below(longest);
    return all;
  }

  bool by_word() const { return GetParam(); }

  std::mt19937 random_{21};
};

void expect_each_unit_once(const std::vector<Window>& windows, std::span<const LabelUnit> units) {
  uint32_t next = 0;
  for (const Window& window : windows) {
    EXPECT_EQ(window.units.taken_from, next);
    EXPECT_GE(window.units.taken_from, window.units.first);
    EXPECT_EQ(window.units.count, window.reads.size());
    EXPECT_LE(window.units.taken_to, window.units.first + window.units.count);
    EXPECT_GT(window.units.taken_to, window.units.taken_from);
    next = window.units.taken_to;
  }
  EXPECT_EQ(next, units.size());
}

/// Whole, in the tokens that the template gives, and read at its units.
void expect_well_formed(const Window& window, const text::Encoding& encoding,
                        std::span<const LabelUnit> units) {
  ASSERT_GT(window.ids.size(), kAround);
  EXPECT_EQ(window.ids.front(), kCls);
  EXPECT_EQ(window.ids.back(), kSep);
  for (size_t i = 0; i < window.reads.size(); ++i) {
    EXPECT_EQ(window.ids[window.reads[i]], encoding.ids[units[window.units.first + i].token]);
  }
}

TEST_P(Windows, TakeEachUnitOnceWhateverTheLimit) {
  for (int i = 0; i < 100; ++i) {
    const auto encoding = encoding_of(words(40, 6));
    const auto units = units_of(encoding, by_word());
    if (units.empty()) continue;
    for (size_t limit = kAround + 1; limit <= encoding.size() + 1; ++limit) {
      SCOPED_TRACE(limit);
      const auto windows = *windows_of(encoding, units, limit);
      expect_each_unit_once(windows, units);
      for (const Window& window : windows) {
        EXPECT_LE(window.ids.size(), limit);
        expect_well_formed(window, encoding, units);
      }
      EXPECT_EQ(read_all(windows, 0), read_all(*windows_of(encoding, units, 10'000), 0));
    }
  }
}

TEST_P(Windows, DivideNoWordThatFits) {
  for (int i = 0; i < 100; ++i) {
    const auto encoding = encoding_of(words(40, 6));
    const auto units = units_of(encoding, by_word());
    for (size_t limit = kAround + 6; limit <= encoding.size(); ++limit) {
      const std::vector<Window> windows = *windows_of(encoding, units, limit);
      for (const Window& window : windows) {
        const auto begin = std::ranges::find(encoding.ids, window.ids[1]) - encoding.ids.begin();
        const auto end = begin + static_cast<ptrdiff_t>(window.ids.size() - kAround);
        EXPECT_NE(encoding.words[begin], encoding.words[begin - 1]);
        EXPECT_NE(encoding.words[end], encoding.words[end - 1]);
      }
    }
  }
}

TEST_P(Windows, OfATextThatFitsAreThePlainEncoding) {
  for (int i = 0; i < 200; ++i) {
    const auto encoding = encoding_of(words(30, 4));
    const auto units = units_of(encoding, by_word());
    for (const size_t more : {0, 1, 100}) {
      const auto windows = *windows_of(encoding, units, encoding.size() + more);
      ASSERT_EQ(windows.size(), 1U);
      EXPECT_EQ(windows[0].ids, encoding.ids);
      EXPECT_EQ(windows[0], *cut_window(encoding, units, encoding.size() + more));
      EXPECT_EQ(windows[0].reads.size(), units.size());
      EXPECT_EQ(windows[0].units.taken_to, units.size());
    }
  }
}

TEST_P(Windows, HoldAsMuchAsFitsAndOverlapAQuarter) {
  const auto encoding = encoding_of(std::vector<size_t>(100, 1));
  const auto units = units_of(encoding, by_word());
  const auto windows = *windows_of(encoding, units, 40 + kAround);
  // Tokens 0-39, 30-69, 60-99: ten in two windows, of which each gives five.
  ASSERT_EQ(windows.size(), 3U);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(windows[i].ids.size(), 40 + kAround);
    EXPECT_EQ(windows[i].units.first, 30 * i);
    EXPECT_EQ(windows[i].units.taken_from, i == 0 ? 0 : 30 * i + 5);
    EXPECT_EQ(windows[i].units.taken_to, i == 2 ? 100 : 30 * i + 35);
  }
}

TEST_P(Windows, TakeAUnitFromTheEarlierOfTwoThatSeeAsMuchOfItsNeighbours) {
  const auto encoding = encoding_of(std::vector<size_t>(60, 1));
  const auto units = units_of(encoding, by_word());
  const auto windows = *windows_of(encoding, units, 44 + kAround);
  // Tokens 0-43 and 33-59: token 38 is the fifth from the end of one and from the start of the
  // other.
  ASSERT_EQ(windows.size(), 2U);
  EXPECT_EQ(windows[0].units.taken_to, 39U);
  EXPECT_EQ(windows[1].units.first, 33U);
}

TEST_P(Windows, TakeAUnitWhereMoreOfItsNeighboursAreSeen) {
  for (int i = 0; i < 50; ++i) {
    const auto encoding = encoding_of(std::vector<size_t>(20 + below(100), 1));
    const auto units = units_of(encoding, by_word());
    const auto whole = read_all(*windows_of(encoding, units, 10'000), 3);
    // A quarter of 32 tokens overlaps: three neighbours of each unit are in the window it is from.
    for (size_t limit = kAround + 32; limit < encoding.size(); ++limit) {
      EXPECT_EQ(read_all(*windows_of(encoding, units, limit), 3), whole) << limit;
    }
  }
}

TEST_P(Windows, AWordLongerThanAWindowIsReadInParts) {
  const auto encoding = encoding_of({2, 25, 1});
  const auto units = units_of(encoding, by_word());
  const auto windows = *windows_of(encoding, units, 10 + kAround);
  expect_each_unit_once(windows, units);
  for (const Window& window : windows) EXPECT_LE(window.ids.size(), 10 + kAround);
  // Read by word, what holds no beginning of one is not run.
  EXPECT_EQ(windows.size(), by_word() ? 3U : 4U);
}

TEST_P(Windows, OfNoTextAreOneThatReadsNothing) {
  const auto encoding = encoding_of({});
  const auto windows = *windows_of(encoding, {}, kAround);
  ASSERT_EQ(windows.size(), 1U);
  EXPECT_EQ(windows[0].ids, encoding.ids);
  EXPECT_TRUE(windows[0].reads.empty());
  EXPECT_EQ(windows[0].units.taken_to, 0U);
}

TEST_P(Windows, WithoutRoomForTheTextAreRefused) {
  for (const size_t limit : {0, 1, 2}) {
    const auto encoding = encoding_of({1});
    const auto units = units_of(encoding, by_word());
    const auto refused = windows_of(encoding, units, limit);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::invalid_argument);
    EXPECT_EQ(refused.error().message, "the model takes " + std::to_string(limit) +
                                           " tokens; its tokenizer puts 2 around a text");
    EXPECT_FALSE(cut_window(encoding, units, limit));
  }
  EXPECT_FALSE(windows_of(encoding_of({}), {}, 1));
}

TEST_P(Windows, ACutTextKeepsWhatStandsAfterIt) {
  const auto encoding = encoding_of({2, 3, 4, 1});
  const auto units = units_of(encoding, by_word());
  const auto window = *cut_window(encoding, units, 6 + kAround);
  EXPECT_EQ(window.ids, (std::vector<int32_t>{kCls, 101, 102, 103, 104, 105, 106, kSep}));
  EXPECT_EQ(window.reads, by_word() ? (std::vector<uint32_t>{1, 3, 6})
                                    : (std::vector<uint32_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(window.units.taken_to, window.reads.size());
}

INSTANTIATE_TEST_SUITE_P(Units, Windows, testing::Bool(),
                         [](const auto& test) { return test.param ? "words" : "tokens"; });

TEST(MergeWindows, TakesWholeLines) {
  const WindowUnits windows[] = {{.first = 0, .count = 2, .taken_from = 0, .taken_to = 1},
                                 {.first = 0, .count = 3, .taken_from = 1, .taken_to = 3}};
  const std::vector<float> first = {1, 2, 3, 4}, second = {5, 6, 7, 8, 9, 10};
  const std::span<const float> numbers[] = {first, second};
  EXPECT_EQ(merge_windows(windows, numbers, 2), (std::vector<float>{1, 2, 7, 8, 9, 10}));
}

TEST(Units, AreWordsOrTheTextsOwnTokens) {
  const auto encoding = encoding_of({2, 1, 3});
  std::vector<std::array<uint32_t, 3>> words, tokens;
  for (const LabelUnit& unit : units_of(encoding, true))
    words.push_back({unit.token, unit.begin, unit.end});
  for (const LabelUnit& unit : units_of(encoding, false))
    tokens.push_back({unit.token, unit.begin, unit.end});
  EXPECT_EQ(words, (std::vector<std::array<uint32_t, 3>>{{1, 2, 5}, {3, 6, 7}, {4, 8, 13}}));
  EXPECT_EQ(tokens, (std::vector<std::array<uint32_t, 3>>{
                        {1, 2, 3}, {2, 4, 5}, {3, 6, 7}, {4, 8, 9}, {5, 10, 11}, {6, 12, 13}}));
}

}  // namespace
}  // namespace weir::serve
