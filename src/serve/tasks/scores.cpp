#include "serve/tasks/scores.h"

#include <algorithm>
#include <cmath>

namespace weir::serve {

std::vector<double> softmax(std::span<const float> numbers) {
  std::vector<double> scores(numbers.begin(), numbers.end());
  if (scores.empty()) return scores;
  const double highest = *std::ranges::max_element(scores);
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - highest);
  for (double& score : scores) score /= sum;
  return scores;
}

std::vector<double> sigmoid(std::span<const float> numbers) {
  std::vector<double> scores;
  scores.reserve(numbers.size());
  for (const float number : numbers) scores.push_back(1 / (1 + std::exp(-double{number})));
  return scores;
}

std::vector<double> scores_of(folder::HeadCard::Scores kind, std::span<const float> numbers) {
  switch (kind) {
    case folder::HeadCard::Scores::softmax:
      return softmax(numbers);
    case folder::HeadCard::Scores::sigmoid:
      return sigmoid(numbers);
    case folder::HeadCard::Scores::number:
      break;
  }
  return {numbers.begin(), numbers.end()};
}

std::vector<RankedLabel> top_labels(std::span<const double> scores, size_t count) {
  std::vector<RankedLabel> all;
  all.reserve(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    all.push_back({.label = static_cast<uint32_t>(i), .score = scores[i]});
  }
  const auto kept = all.begin() + static_cast<ptrdiff_t>(std::min(count, all.size()));
  std::ranges::partial_sort(all, kept, [](const RankedLabel& one, const RankedLabel& other) {
    return one.score != other.score ? one.score > other.score : one.label < other.label;
  });
  all.erase(kept, all.end());
  return all;
}

}  // namespace weir::serve
