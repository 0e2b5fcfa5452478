#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weir/folder/head_card.h"

namespace weir::serve {

/// exp(numbers[i]) / sum of exp(numbers[j]); in double, and of no number too large for it.
/// REQUIRES: `numbers` are finite.
std::vector<double> softmax(std::span<const float> numbers);

/// 1 / (1 + exp(-number)) of each.
std::vector<double> sigmoid(std::span<const float> numbers);

/// A head's numbers as its card says they are read; the numbers themselves where they are `number`.
std::vector<double> scores_of(folder::HeadCard::Scores kind, std::span<const float> numbers);

/// A label and its score.
struct RankedLabel {
  uint32_t label = 0;  // its column
  double score = 0;
};

/// The `count` labels of the highest scores, or all where there are fewer; the highest first, of
/// the same score the one of the lower column first.
std::vector<RankedLabel> top_labels(std::span<const double> scores, size_t count);

}  // namespace weir::serve
