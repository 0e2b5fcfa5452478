#include "serve/tasks/crf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace weir::serve {
namespace {

/// A CRF and one text.
struct Case {
  size_t labels = 0;
  folder::Crf crf;
  std::vector<float> emissions;

  size_t words() const { return emissions.size() / labels; }
};

double score_of(const Case& one, const std::vector<uint32_t>& path) {
  double score = double{one.crf.start[path[0]]} + one.crf.end[path.back()];
  for (size_t t = 0; t < path.size(); ++t) {
    score += one.emissions[t * one.labels + path[t]];
    if (t > 0) score += one.crf.transitions[path[t - 1] * one.labels + path[t]];
  }
  return score;
}

/// All paths: the last label counts slowest, so that of equal ones the first is the one wanted.
std::vector<std::vector<uint32_t>> all_paths(const Case& one) {
  std::vector<std::vector<uint32_t>> paths;
  std::vector<uint32_t> path(one.words());
  while (true) {
    paths.push_back(path);
    size_t t = 0;
    while (t < path.size() && ++path[t] == one.labels) path[t++] = 0;
    if (t == path.size()) return paths;
  }
}

CrfPath by_enumeration(const Case& one) {
  const auto paths = all_paths(one);
  std::vector<double> scores;
  for (const auto& path : paths) scores.push_back(score_of(one, path));
  const auto best = std::ranges::max_element(scores) - scores.begin();
  CrfPath found{.labels = paths[best], .score = scores[best]};
  double sum = 0;
  std::vector<double> with(one.words());
  for (size_t i = 0; i < paths.size(); ++i) {
    const double weight = std::exp(scores[i] - found.score);
    sum += weight;
    for (size_t t = 0; t < with.size(); ++t) {
      if (paths[i][t] == found.labels[t]) with[t] += weight;
    }
  }
  found.log_z = found.score + std::log(sum);
  for (const double weight : with) found.marginals.push_back(weight / sum);
  return found;
}

void expect_equal(const Case& one) {
  const CrfPath got = crf_path(one.crf, one.emissions);
  const CrfPath expected = by_enumeration(one);
  ASSERT_EQ(got.labels, expected.labels);
  const double size = 1 + std::abs(expected.score);
  EXPECT_NEAR(got.score, expected.score, 1e-12 * size);
  EXPECT_NEAR(got.log_z, expected.log_z, 1e-12 * size);
  for (size_t t = 0; t < got.labels.size(); ++t) {
    EXPECT_NEAR(got.marginals[t], expected.marginals[t], 1e-9) << t;
  }
}

class Crf : public testing::Test {
 protected:
  std::vector<float> numbers(size_t count, const auto& draw) {
    std::vector<float> all(count);
    for (float& number : all) number = static_cast<float>(draw(random_));
    return all;
  }

  Case make(size_t labels, size_t words, const auto& draw) {
    return {.labels = labels,
            .crf = {.start = numbers(labels, draw),
                    .transitions = numbers(labels * labels, draw),
                    .end = numbers(labels, draw)},
            .emissions = numbers(words * labels, draw)};
  }

  size_t below(size_t count) {
    return std::uniform_int_distribution<size_t>(0, count - 1)(random_);
  }

  std::mt19937 random_{21};
};

double normal(std::mt19937& random) { return std::normal_distribution(0.0, 2.0)(random); }

TEST_F(Crf, IsWhatAllPathsGive) {
  for (int i = 0; i < 1000; ++i) expect_equal(make(1 + below(4), 1 + below(6), normal));
}

TEST_F(Crf, OfEqualPathsTakesTheLowestLabelsFromTheEnd) {
  const auto draw = [](auto& random) { return std::uniform_int_distribution(-1, 1)(random); };
  for (int i = 0; i < 1000; ++i) expect_equal(make(1 + below(4), 1 + below(5), draw));
  const Case ties = make(3, 5, [](auto&) { return 0; });
  const CrfPath path = crf_path(ties.crf, ties.emissions);
  EXPECT_EQ(path.labels, std::vector<uint32_t>(5, 0));
  EXPECT_NEAR(path.log_z, 5 * std::log(3), 1e-12);
  for (const double marginal : path.marginals) EXPECT_NEAR(marginal, 1.0 / 3, 1e-12);
}

TEST_F(Crf, ForbiddenWaysAreTakenOnlyWhereThereIsNoOther) {
  for (int i = 0; i < 1000; ++i) {
    Case one = make(2 + below(3), 1 + below(5), normal);
    // Up to all of them, so that some cases have no allowed path.
    const size_t share = 1 + below(8);
    for (auto* some : {&one.crf.start, &one.crf.transitions, &one.crf.end}) {
      for (float& number : *some) {
        if (below(8) < share) number = -10000;
      }
    }
    expect_equal(one);
  }
}

TEST_F(Crf, NoWordsHaveNoLabels) {
  const Case one = make(3, 0, [](auto&) { return 1; });
  const CrfPath path = crf_path(one.crf, one.emissions);
  EXPECT_TRUE(path.labels.empty());
  EXPECT_TRUE(path.marginals.empty());
  EXPECT_EQ(path.score, 0);
  EXPECT_EQ(path.log_z, 0);
}

TEST_F(Crf, OneLabelIsCertain) {
  const Case one = make(1, 40, [](auto&) { return 700; });
  const CrfPath path = crf_path(one.crf, one.emissions);
  EXPECT_EQ(path.labels, std::vector<uint32_t>(40, 0));
  EXPECT_NEAR(path.score, path.log_z, 1e-9);
  for (const double marginal : path.marginals) EXPECT_NEAR(marginal, 1, 1e-12);
}

TEST_F(Crf, ALongTextLosesNoAccuracy) {
  // Without transitions each word is a softmax of its own.
  Case one = make(3, 20'000, normal);
  for (auto* some : {&one.crf.start, &one.crf.transitions, &one.crf.end})
    std::ranges::fill(*some, 0);
  const CrfPath path = crf_path(one.crf, one.emissions);
  double log_z = 0;
  for (size_t t = 0; t < one.words(); ++t) {
    const auto word = std::span(one.emissions).subspan(3 * t, 3);
    const double highest = *std::ranges::max_element(word);
    double sum = 0;
    for (const double number : word) sum += std::exp(number - highest);
    EXPECT_EQ(word[path.labels[t]], static_cast<float>(highest));
    EXPECT_NEAR(path.marginals[t], 1 / sum, 1e-7) << t;
    log_z += highest + std::log(sum);
  }
  EXPECT_NEAR(path.log_z, log_z, 1e-6);
}

TEST_F(Crf, LargeNumbersOfALongTextHideNoSmallOnes) {
  // What all paths have in common decides nothing. Here it is 1e11, and two labels differ by 1e-6.
  Case one = make(2, 100'000, [](auto&) { return 0; });
  std::ranges::fill(one.crf.transitions, 1e6F);
  for (size_t t = 0; t < one.words(); ++t) one.emissions[2 * t + t % 2] = t % 4 < 2 ? 1e-6F : 1.0F;
  const CrfPath path = crf_path(one.crf, one.emissions);
  for (size_t t = 0; t < one.words(); ++t) {
    const double more = one.emissions[2 * t + t % 2];
    ASSERT_EQ(path.labels[t], t % 2) << t;
    ASSERT_NEAR(path.marginals[t], 1 / (1 + std::exp(-more)), 1e-8) << t;
  }
}

}  // namespace
}  // namespace weir::serve
