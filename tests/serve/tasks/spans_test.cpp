#include "serve/tasks/spans.h"

#include <gtest/gtest.h>

#include "serve/tasks/golden.h"
#include "serve/tasks/spans_of_text.h"
#include "weir/text/tokenizer.h"

namespace weir::serve {

void PrintTo(const Span& span, std::ostream* out) {
  *out << span.label << ' ' << span.begin << '-' << span.end << " \"" << span.text << "\" "
       << span.score;
}

namespace {

Aggregation aggregation_of(const std::string& name) {
  if (name == "none") return Aggregation::none;
  if (name == "simple") return Aggregation::simple;
  return name == "first" ? Aggregation::first : Aggregation::max;
}

void expect_spans(const std::vector<Span>& got, const Json& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].label, expected[i][0]) << i;
    EXPECT_EQ(got[i].begin, expected[i][1]) << i;
    EXPECT_EQ(got[i].end, expected[i][2]) << i;
    EXPECT_EQ(got[i].text, expected[i][3]) << i;
    EXPECT_NEAR(got[i].score, expected[i][4].get<double>(), 1e-6) << i;
  }
}

TEST(Spans, AreThoseOfTransformersInEachAggregation) {
  const auto tokenizer = *text::Tokenizer::load("tests/golden/tiny/bert-mean");
  const Json cases = json_of("tests/golden/spans.json")["cases"];
  ASSERT_EQ(cases.size(), 24U);
  for (const Json& one : cases) {
    const auto text = one["text"].get<std::string>();
    const auto labels = one["labels"].get<std::vector<std::string>>();
    const auto encoding = *tokenizer->encode_places(text, std::nullopt, true);
    const auto units = units_of(encoding, false);
    const std::vector<float> all = flat(one["logits"]);
    ASSERT_EQ(all.size(), encoding.size() * labels.size());
    std::vector<float> numbers;
    for (const LabelUnit& unit : units) {
      const auto line = std::span(all).subspan(unit.token * labels.size(), labels.size());
      numbers.insert(numbers.end(), line.begin(), line.end());
    }
    for (const auto& [name, expected] : one["spans"].items()) {
      SCOPED_TRACE(one["scheme"].get<std::string>() + ", " + name + ": " + text);
      expect_spans(spans_of_text(text, {units, numbers}, {.labels = labels}, aggregation_of(name)),
                   expected);
    }
  }
}

/// Spans of one unit for each label of `path`, as "LABEL(number of first unit-of last)".
std::string grouped(const std::vector<std::string>& labels, const std::vector<std::string>& path) {
  std::vector<Tagged> tagged;
  for (const std::string& label : path) {
    const auto found = std::ranges::find(labels, label);
    EXPECT_NE(found, labels.end()) << label;
    const auto at = static_cast<uint32_t>(tagged.size());
    tagged.push_back({.unit = {.token = at, .begin = at, .end = at + 1, .word = int32_t(at)},
                      .label = static_cast<uint32_t>(found - labels.begin()),
                      .score = 1});
  }
  std::string text;
  const std::string letters(path.size(), 'x');
  for (const Span& span : spans_of(letters, tagged, labels, Aggregation::simple)) {
    if (!text.empty()) text += ' ';
    text += span.label + std::to_string(span.begin) + "-" + std::to_string(span.end);
    EXPECT_EQ(span.text.size(), span.end - span.begin);
  }
  return text;
}

TEST(SpansOfBioes, BeginAndEndWhereTheLabelsSay) {
  const std::vector<std::string> labels = {"O",   "B-X", "I-X", "E-X", "S-X",
                                           "B-Y", "I-Y", "E-Y", "S-Y"};
  EXPECT_EQ(grouped(labels, {"B-X", "I-X", "E-X", "O", "S-X"}), "X0-3 X4-5");
  EXPECT_EQ(grouped(labels, {"B-X", "E-X", "B-X", "E-X"}), "X0-2 X2-4");
  EXPECT_EQ(grouped(labels, {"S-X", "S-X", "S-Y"}), "X0-1 X1-2 Y2-3");
  // What no well-formed path has.
  EXPECT_EQ(grouped(labels, {"E-X", "I-X", "I-X"}), "X0-1 X1-3");
  EXPECT_EQ(grouped(labels, {"S-X", "I-X", "E-X", "E-X"}), "X0-1 X1-3 X3-4");
  EXPECT_EQ(grouped(labels, {"B-X", "I-Y", "E-X"}), "X0-1 Y1-2 X2-3");
  EXPECT_EQ(grouped(labels, {"B-X", "O", "E-X"}), "X0-1 X2-3");
}

TEST(SpansOfBilou, AreReadTheSameWay) {
  const std::vector<std::string> labels = {"O", "B-X", "I-X", "L-X", "U-X"};
  EXPECT_EQ(grouped(labels, {"B-X", "I-X", "L-X", "U-X", "U-X"}), "X0-3 X3-4 X4-5");
}

TEST(SpansWithoutScheme, KeepTheWholeLabel) {
  EXPECT_EQ(grouped({"O", "S-1", "E-mail", "credit-card"},
                    {"S-1", "S-1", "E-mail", "O", "credit-card", "credit-card"}),
            "S-10-2 E-mail2-3 credit-card4-6");
}

TEST(SpansWithoutKind, KeepTheWholeLabel) {
  EXPECT_EQ(grouped({"O", "B-", "B-X"}, {"B-", "B-", "B-X"}), "B-0-2 X2-3");
}

TEST(SpansByMax, TakeTheFirstOfTokensWithEqualScores) {
  const std::vector<std::string> labels = {"O", "B-X", "B-Y"};
  const std::vector<Tagged> word = {{.unit = {.begin = 0, .end = 1}, .label = 2, .score = 0.5},
                                    {.unit = {.begin = 1, .end = 2}, .label = 1, .score = 0.5}};
  EXPECT_EQ(spans_of("ab", word, labels, Aggregation::max),
            (std::vector<Span>{{"Y", 0, 2, "ab", 0.5}}));
}

TEST(Spans, AreCutFromTheTextByCodePoint) {
  const std::vector<std::string> labels = {"O", "B-X"};
  const auto at = [](uint32_t begin, uint32_t end) {
    return Tagged{.unit = {.begin = begin, .end = end}, .label = 1, .score = 0.5};
  };
  const std::string text = "a\u00e9\U0001F600z";
  const auto spans =
      spans_of(text, {at(1, 3), at(0, 2), at(3, 9), at(2, 1)}, labels, Aggregation::none);
  EXPECT_EQ(spans, (std::vector<Span>{{"B-X", 1, 3, "\u00e9\U0001F600", 0.5},
                                      {"B-X", 0, 2, "a\u00e9", 0.5},
                                      {"B-X", 3, 9, "z", 0.5},
                                      {"B-X", 2, 1, "", 0.5}}));
}

TEST(MostProbable, TakesTheLowestOfEqualLabels) {
  const LabelUnit units[2] = {};
  const auto tagged = most_probable(units, std::vector<float>{1, 3, 3, 2, 2, 2}, 3);
  EXPECT_EQ(tagged[0].label, 1U);
  EXPECT_EQ(tagged[1].label, 0U);
  EXPECT_NEAR(tagged[1].score, 1.0 / 3, 1e-12);
}

}  // namespace
}  // namespace weir::serve
