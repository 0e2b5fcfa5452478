#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/tasks/crf.h"
#include "serve/tasks/spans.h"
#include "serve/tasks/units.h"

namespace weir::serve {

/// What a tagger's numbers mean. Owns nothing.
struct TaggerLabels {
  std::span<const std::string> names;  // by column
  std::optional<CrfNumbers> crf;       // unset: softmax
};

/// The units of a text and what a tagger gave them. Owns nothing.
struct UnitNumbers {
  std::span<const Unit> units;
  std::span<const float> numbers;  // (units, labels)
};

/// The spans of `text` from what a tagger gave its units: with a CRF
/// along the path of the whole text, so that a span's score is the mean marginal of its units; else
/// by each unit's most probable label.
std::vector<Span> spans_of_text(std::string_view text, const UnitNumbers& read,
                                const TaggerLabels& labels, Aggregation aggregation);

}  // namespace weir::serve
