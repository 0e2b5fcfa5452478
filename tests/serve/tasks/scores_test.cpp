#include "serve/tasks/scores.h"

#include <gtest/gtest.h>

#include <cmath>

namespace weir::serve {
namespace {

TEST(Softmax, IsTheShareOfEachExp) {
  const std::vector<float> numbers = {0, 1, -2.5};
  const double sum = 1 + std::exp(1) + std::exp(-2.5);
  const auto scores = softmax(numbers);
  ASSERT_EQ(scores.size(), 3U);
  EXPECT_NEAR(scores[0], 1 / sum, 1e-15);
  EXPECT_NEAR(scores[1], std::exp(1) / sum, 1e-15);
  EXPECT_NEAR(scores[2], std::exp(-2.5) / sum, 1e-15);
  EXPECT_TRUE(softmax({}).empty());
}

TEST(Softmax, TakesNumbersWhoseExpIsTooLarge) {
  const auto scores = softmax(std::vector<float>{3e38F, 3e38F, -3e38F});
  EXPECT_EQ(scores, (std::vector<double>{0.5, 0.5, 0}));
  EXPECT_NEAR(softmax(std::vector<float>{-5000, -5001})[0], 1 / (1 + std::exp(-1)), 1e-15);
}

TEST(Sigmoid, IsOfEachNumberAlone) {
  const auto scores = sigmoid(std::vector<float>{0, 2, -2, 3e38F, -3e38F});
  EXPECT_EQ(scores[0], 0.5);
  EXPECT_NEAR(scores[1], 0.88079707797788243, 1e-15);
  EXPECT_NEAR(scores[1] + scores[2], 1, 1e-15);
  EXPECT_EQ(scores[3], 1);
  EXPECT_EQ(scores[4], 0);
}

TEST(ScoresOf, AreOfTheKindThatTheCardNames) {
  using Scores = folder::HeadCard::Scores;
  const std::vector<float> numbers = {1.5, -7};
  EXPECT_EQ(scores_of(Scores::softmax, numbers), softmax(numbers));
  EXPECT_EQ(scores_of(Scores::sigmoid, numbers), sigmoid(numbers));
  EXPECT_EQ(scores_of(Scores::number, numbers), (std::vector<double>{1.5, -7}));
}

std::vector<uint32_t> top(const std::vector<double>& scores, size_t count) {
  std::vector<uint32_t> labels;
  for (const RankedLabel& each : top_labels(scores, count)) {
    EXPECT_EQ(each.score, scores[each.label]);
    labels.push_back(each.label);
  }
  return labels;
}

TEST(TopLabels, FallByScoreThenRiseByColumn) {
  const std::vector<double> scores = {0.1, 0.3, 0.1, 0.3, 0.2};
  EXPECT_EQ(top(scores, 5), (std::vector<uint32_t>{1, 3, 4, 0, 2}));
  EXPECT_EQ(top(scores, 1), (std::vector<uint32_t>{1}));
  EXPECT_EQ(top(scores, 4), (std::vector<uint32_t>{1, 3, 4, 0}));
  EXPECT_EQ(top(scores, 9), (std::vector<uint32_t>{1, 3, 4, 0, 2}));
  EXPECT_TRUE(top(scores, 0).empty());
  EXPECT_TRUE(top({}, 3).empty());
}

}  // namespace
}  // namespace weir::serve
