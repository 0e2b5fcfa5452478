#include "serve/stop_strings.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace weir::serve {
namespace {

std::shared_ptr<const StopTree> tree(std::vector<std::string> stops) {
  return std::make_shared<const StopTree>(std::move(stops));
}

struct Outcome {
  std::string text;
  std::optional<std::string> stop;
  bool operator==(const Outcome&) const = default;
};

/// Feeds `text` in pieces that end at the bits of `cuts`.
Outcome run(const std::vector<std::string>& stops, bool include, const std::string& text,
            unsigned cuts) {
  StopStrings strings(tree(stops), include);
  Outcome outcome;
  std::string piece;
  for (size_t i = 0; i < text.size(); ++i) {
    piece += text[i];
    if (!(cuts >> i & 1) && i + 1 < text.size()) continue;
    StopStrings::Shown shown = strings.feed(std::exchange(piece, {}), true);
    outcome.text += shown.text;
    if (shown.stop) {
      outcome.stop = shown.stop;
      return outcome;
    }
  }
  outcome.text += strings.flush();
  return outcome;
}

struct Case {
  std::vector<std::string> stops;
  bool include;
  std::string text;
  Outcome expected;
};

TEST(StopStrings, SameAnswerHoweverTheTextIsCut) {
  const Case cases[] = {
      {{"END"}, false, "abENDcd", {"ab", "END"}},
      {{"END"}, true, "abENDcd", {"abEND", "END"}},
      {{"aab"}, false, "xaaaby", {"xa", "aab"}},  // a wrong start overlaps the right one
      {{"abcabd"}, false, "abcabcabd", {"abc", "abcabd"}},
      {{"abcd", "bc"}, false, "xabcd", {"xa", "bc"}},      // complete first
      {{"c", "abc"}, false, "xabc", {"x", "abc"}},         // together: the longer
      {{"xyz"}, false, "wxyxy", {"wxyxy", std::nullopt}},  // held back, then not it
      {{"\n\n", "."}, false, "a\nb\n\nc", {"a\nb", "\n\n"}},
      {{"abab", "ba", "abx"}, false, "aabaY", {"aa", "ba"}},  // found at another's inside
      {{"é"}, false, "caf\xC3\xA9s", {"caf", "é"}},
      {{}, false, "abc", {"abc", std::nullopt}},
  };
  for (const Case& one : cases)
    for (unsigned cuts = 0; cuts < (1U << one.text.size()); ++cuts)
      EXPECT_EQ(run(one.stops, one.include, one.text, cuts), one.expected)
          << one.text << " cut " << cuts;
}

TEST(StopStrings, HoldsBackOnlyWhatCouldStop) {
  StopStrings strings(tree({"world"}), false);
  EXPECT_EQ(strings.feed("hello wor", true).text, "hello ");
  EXPECT_EQ(strings.feed("k wo", true).text, "work ");
  EXPECT_EQ(strings.flush(), "wo");
}

TEST(StopStrings, AStringThatEndsBeforeItIsArmedDoesNotStop) {
  StopStrings strings(tree({"aa"}), false);
  StopStrings::Shown shown = strings.feed("xaa", false);
  EXPECT_FALSE(shown.stop);
  EXPECT_EQ(shown.text, "xa");  // the last a may begin the next
  shown = strings.feed("a", true);
  EXPECT_EQ(shown.stop, "aa");
  EXPECT_EQ(shown.text, "");
}

TEST(StopStrings, ThousandsAreFoundAsOneIs) {
  std::vector<std::string> stops;
  for (int i = 1000; i < 4000; ++i) stops.push_back(fmt::format("<{}>", i));
  StopStrings strings(tree(stops), false);
  EXPECT_EQ(strings.feed("a<999><100", true).text, "a<999>");
  EXPECT_EQ(strings.feed("5", true).text, "");
  StopStrings::Shown shown = strings.feed(">b", true);
  EXPECT_EQ(shown.text, "");
  EXPECT_EQ(shown.stop, "<1005>");
}

}  // namespace
}  // namespace weir::serve
