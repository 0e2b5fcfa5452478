#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "serve/tasks/spans.h"
#include "serve/tasks/units.h"
#include "weir/folder/head_card.h"

namespace weir::serve {

/// The units of a text and the tagger's numbers for them. Owns nothing.
struct UnitNumbers {
  std::span<const LabelUnit> units;
  std::span<const float> numbers;  // (units, labels)
};

/// The spans of `text` from the numbers that the tagger `head` gave its units. With a CRF the
/// labels are those of the best path of the whole text, and a span's score is the mean marginal of
/// its units. Else each unit has its most probable label.
std::vector<Span> spans_of_text(std::string_view text, const UnitNumbers& read,
                                const folder::HeadCard& head, Aggregation aggregation);

}  // namespace weir::serve
