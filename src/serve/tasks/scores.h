#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weir/folder/head_card.h"

namespace weir::serve {

/// exp(numbers[i]) / sum of exp(numbers[j]), in double; large numbers do not overflow. REQUIRES:
/// `numbers` are finite.
std::vector<double> softmax(std::span<const float> numbers);

/// 1 / (1 + exp(-number)) of each.
std::vector<double> sigmoid(std::span<const float> numbers);

/// The scores of a head's numbers, of the kind that its card names. For the kind `number` they are
/// the numbers.
std::vector<double> scores_of(folder::HeadCard::Scores kind, std::span<const float> numbers);

/// A label and its score.
struct RankedLabel {
  uint32_t label = 0;  // its column
  double score = 0;
};

/// The `count` labels with the highest scores, or all if there are fewer. The highest score comes
/// first; of equal scores, the lower column.
std::vector<RankedLabel> top_labels(std::span<const double> scores, size_t count);

}  // namespace weir::serve
