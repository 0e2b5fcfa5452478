#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/tasks/crf.h"
#include "serve/tasks/units.h"
#include "weir/serve/answer.h"
#include "weir/serve/ask.h"

namespace weir::serve {

/// A unit with its label.
struct Tagged {
  LabelUnit unit;
  uint32_t label = 0;
  double score = 0;  // the label's probability
};

/// Each unit with its most probable label, by softmax over its row of `numbers` (units, labels). Of
/// equal labels the lowest column wins.
std::vector<Tagged> most_probable(std::span<const LabelUnit> units, std::span<const float> numbers,
                                  size_t labels);

/// Each unit with its label on `path` and that label's marginal.
std::vector<Tagged> along_path(std::span<const LabelUnit> units, const CrfPath& path);

/// The spans of `tagged`, which are the units of `text` in order. A span's score is the mean of the
/// scores of its units (of its words, if a word has one label).
///
/// If any of `labels` begins with "B-" or "I-", labels have the roles of BIO, BIOES and BILOU: B-
/// begins a span, I- continues it, E- and L- end it, S- and U- are a span of one unit. The rest of
/// the label is the span's label. I-, E- or L- without an open span of their kind begins one, so
/// that IOB1 is read too. A label without a role is read as I-, so adjacent equal labels are one
/// span. "O" is no span. With Aggregation::none the span's label is the model's own, its role
/// included.
std::vector<Span> spans_of(std::string_view text, std::vector<Tagged> tagged,
                           std::span<const std::string> labels, Aggregation aggregation);

}  // namespace weir::serve
