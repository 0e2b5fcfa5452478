#include "serve/stop_strings.h"

#include <gtest/gtest.h>

namespace weir::serve {
namespace {

struct Outcome {
  std::string text;
  std::optional<std::string> stop;
  bool operator==(const Outcome&) const = default;
};

/// Feeds `text` in pieces that end at the bits of `cuts`.
Outcome run(const std::vector<std::string>& stops, bool include, const std::string& text,
            unsigned cuts) {
  StopStrings strings(stops, include);
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
      {{"é"}, false, "caf\xC3\xA9s", {"caf", "é"}},
      {{}, false, "abc", {"abc", std::nullopt}},
  };
  for (const Case& one : cases)
    for (unsigned cuts = 0; cuts < (1U << one.text.size()); ++cuts)
      EXPECT_EQ(run(one.stops, one.include, one.text, cuts), one.expected)
          << one.text << " cut " << cuts;
}

TEST(StopStrings, HoldsBackOnlyWhatCouldStop) {
  StopStrings strings({"world"}, false);
  EXPECT_EQ(strings.feed("hello wor", true).text, "hello ");
  EXPECT_EQ(strings.feed("k wo", true).text, "work ");
  EXPECT_EQ(strings.flush(), "wo");
}

TEST(StopStrings, AStringThatEndsBeforeItIsArmedDoesNotStop) {
  StopStrings strings({"aa"}, false);
  StopStrings::Shown shown = strings.feed("xaa", false);
  EXPECT_FALSE(shown.stop);
  EXPECT_EQ(shown.text, "xa");  // the last a may begin the next
  shown = strings.feed("a", true);
  EXPECT_EQ(shown.stop, "aa");
  EXPECT_EQ(shown.text, "");
}

}  // namespace
}  // namespace weir::serve
