#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "serve/tasks/spans.h"
#include "serve/tasks/units.h"
#include "weir/folder/head_card.h"

namespace weir::serve {

/// The units of a text and what a tagger gave them. Owns nothing.
struct UnitNumbers {
  std::span<const Unit> units;
  std::span<const float> numbers;  // (units, labels)
};

/// The spans of `text` from what the tagger `head` gave its units: with a CRF
/// along the path of the whole text, so that a span's score is the mean marginal of its units; else
/// by each unit's most probable label.
std::vector<Span> spans_of_text(std::string_view text, const UnitNumbers& read,
                                const folder::HeadCard& head, Aggregation aggregation);

}  // namespace weir::serve
