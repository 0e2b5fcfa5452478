#include "serve/tasks/spans.h"

#include <algorithm>
#include <optional>

#include "serve/tasks/label_role.h"
#include "serve/tasks/scores.h"

namespace weir::serve {

namespace {

/// Makes one unit of the tokens of each word, with the label of the first token or of the best one.
std::vector<Tagged> words_of(std::span<const Tagged> tokens, Aggregation aggregation) {
  std::vector<Tagged> words;
  for (const Tagged& token : tokens) {
    if (words.empty() || words.back().unit.word != token.unit.word) {
      words.push_back(token);
      continue;
    }
    Tagged& word = words.back();
    word.unit.end = token.unit.end;
    if (aggregation == Aggregation::max && token.score > word.score) {
      word.label = token.label;
      word.score = token.score;
    }
  }
  return words;
}

/// Builds spans from units in order. Their texts are filled in at the end.
class Growing {
 public:
  void add(const Tagged& tagged, const LabelRole& role) {
    if (role.role == LabelRole::Role::outside) {
      is_open_ = false;
      return;
    }
    const bool begins = role.role == LabelRole::Role::begin || role.role == LabelRole::Role::alone;
    if (begins || !is_open_ || spans_.back().label != role.kind) {
      spans_.push_back({.label = std::string(role.kind), .begin = tagged.unit.begin});
      units_ = 0;
    }
    Span& span = spans_.back();
    span.end = tagged.unit.end;
    span.score += (tagged.score - span.score) / ++units_;  // the mean so far
    is_open_ = role.role != LabelRole::Role::alone && role.role != LabelRole::Role::end;
  }

  std::vector<Span> take() { return std::move(spans_); }

 private:
  std::vector<Span> spans_;
  bool is_open_ = false;  // whether a unit may continue the last span
  double units_ = 0;      // of the last span
};

/// Fills in the texts. Spans mostly come in the order of the text, so the search for each begins
/// where the span before began.
void cut_texts(std::string_view text, std::vector<Span>& spans) {
  size_t point = 0;
  size_t byte = 0;
  const auto go_to = [&](uint32_t wanted) {
    if (wanted < point) point = byte = 0;
    for (; point < wanted && byte < text.size(); ++point) {
      ++byte;
      while (byte < text.size() && (static_cast<uint8_t>(text[byte]) & 0xC0) == 0x80) ++byte;
    }
    return byte;
  };
  for (Span& span : spans) {
    const size_t begin = go_to(span.begin);
    const auto [kept_point, kept_byte] = std::pair(point, byte);
    const size_t end = go_to(std::max(span.begin, span.end));
    span.text = text.substr(begin, end - begin);
    point = kept_point;
    byte = kept_byte;
  }
}

}  // namespace

std::vector<Tagged> most_probable(std::span<const LabelUnit> units, std::span<const float> numbers,
                                  size_t labels) {
  std::vector<Tagged> tagged;
  tagged.reserve(units.size());
  for (size_t i = 0; i < units.size(); ++i) {
    const std::vector<double> scores = softmax(numbers.subspan(i * labels, labels));
    const auto best = std::ranges::max_element(scores);
    tagged.push_back(
        {.unit = units[i], .label = static_cast<uint32_t>(best - scores.begin()), .score = *best});
  }
  return tagged;
}

std::vector<Tagged> along_path(std::span<const LabelUnit> units, const CrfPath& path) {
  std::vector<Tagged> tagged;
  tagged.reserve(units.size());
  for (size_t i = 0; i < units.size(); ++i) {
    tagged.push_back({.unit = units[i], .label = path.labels[i], .score = path.marginals[i]});
  }
  return tagged;
}

std::vector<Span> spans_of(std::string_view text, std::vector<Tagged> tagged,
                           std::span<const std::string> labels, Aggregation aggregation) {
  const bool by_word = aggregation == Aggregation::first || aggregation == Aggregation::max;
  if (by_word) tagged = words_of(tagged, aggregation);
  const std::vector<LabelRole> roles =
      aggregation == Aggregation::none ? whole_labels(labels) : label_roles(labels);
  Growing growing;
  for (const Tagged& each : tagged) growing.add(each, roles[each.label]);
  std::vector<Span> spans = growing.take();
  cut_texts(text, spans);
  return spans;
}

}  // namespace weir::serve
