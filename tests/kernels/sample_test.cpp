// Sampling: the greedy id, the random numbers, and drawn frequencies against the reference's
// probabilities.
#include <limits>
#include <map>

#include "kernels/matrix.h"
#include "kernels/philox.h"
#include "kernels/reference.h"

namespace weir::kernels::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<int32_t> sample(Ops& ops, Matrix logits, const std::vector<SampleRow>& params) {
  std::vector<int32_t> ids(params.size(), -7);
  ops.sample(ids.data(), logits.rows(), params);
  return ids;
}

// Random123's published vectors (kat_vectors).
TEST(Philox, KnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST_P(OpsTest, GreedyTakesTheLowestOfTheGreatest) {
  for (const int64_t n : {1, 5, 64, 1000, 49152, 151936}) {
    for (int trial = 0; trial < 4; ++trial) {
      Matrix logits = Matrix(type(), 3, n, 3).fill(random_);
      int64_t at[3];
      for (int64_t r = 0; r < 3; ++r) {
        at[r] = static_cast<int64_t>(random_() % static_cast<uint64_t>(n));
        logits.set(r, at[r], 9);
        logits.set(r, at[r] + static_cast<int64_t>(random_() % static_cast<uint64_t>(n - at[r])),
                   9);
      }
      EXPECT_EQ(sample(*ops_, logits, std::vector<SampleRow>(3)),
                (std::vector<int32_t>{static_cast<int32_t>(at[0]), static_cast<int32_t>(at[1]),
                                      static_cast<int32_t>(at[2])}));
    }
  }
}

TEST_P(OpsTest, GreedyOfNegativeLogitsOnly) {
  Matrix logits(type(), 1, 21);
  for (int64_t i = 0; i < 21; ++i) logits.set(0, i, -100.f - static_cast<float>(i));
  EXPECT_EQ(sample(*ops_, logits, {{}})[0], 0);
}

TEST_P(OpsTest, BannedIdsAreNeverDrawn) {
  Matrix logits = Matrix(type(), 2, 100).fill(random_, 0.1f);
  for (const int64_t r : {0, 1}) logits.set(r, 17, 20), logits.set(r, 99, 15), logits.set(r, 3, 10);
  const std::vector<int32_t> banned = {99, 17};
  const auto ids =
      sample(*ops_, logits, {{.banned = banned}, {.temperature = 0.5f, .banned = banned}});
  EXPECT_EQ(ids, (std::vector<int32_t>{3, 3}));
}

TEST_P(OpsTest, RowsWithNanOrNothingToDrawGiveMinusOne) {
  for (const float temperature : {0.f, 1.f}) {
    for (const int64_t at : {0, 40, 99}) {
      Matrix logits = Matrix(type(), 3, 100).fill(random_);
      logits.set(0, at, std::nanf(""));
      for (int64_t i = 0; i < 100; ++i) logits.set(1, i, -kInfinity);
      logits.set(2, 7, -kInfinity);
      logits.set(2, at, 30);
      const SampleRow p{.temperature = temperature};
      EXPECT_EQ(sample(*ops_, logits, {p, p, p}),
                (std::vector<int32_t>{-1, -1, static_cast<int32_t>(at)}));
    }
  }
}

// Frequencies of many draws of one row, each id within five standard deviations; ids outside the
// kept set never.
void expect_frequencies(Ops& ops, const Matrix& row, const SampleRow& p, const char* what) {
  constexpr int kDraws = 20'000;
  std::vector<double> logits;
  for (int64_t i = 0; i < row.cols(); ++i) logits.push_back(row.at(0, i));
  const std::vector<double> want = reference::probabilities(logits, p);
  std::vector<int> count(want.size());
  for (int draw = 0; draw < kDraws; draw += 100) {
    Matrix many(row.type(), 100, row.cols());
    std::vector<SampleRow> params(100, p);
    for (int64_t r = 0; r < 100; ++r) {
      for (int64_t c = 0; c < row.cols(); ++c) many.set(r, c, row.at(0, c));
      params[static_cast<size_t>(r)].draw = static_cast<uint64_t>(draw + r);
    }
    for (const int32_t id : sample(ops, many, params)) {
      ASSERT_TRUE(id >= 0 && id < row.cols()) << what;
      ++count[static_cast<size_t>(id)];
    }
  }
  for (size_t i = 0; i < want.size(); ++i) {
    const double mean = want[i] * kDraws, deviation = std::sqrt(mean * (1 - want[i]));
    EXPECT_NEAR(count[i], mean, 5 * deviation + (want[i] > 0 ? 1 : 0))
        << what << ", id " << i << " of logit " << logits[i];
  }
}

TEST_P(OpsTest, DrawsFollowTheProbabilities) {
  Matrix row = Matrix(type(), 1, 301).fill(random_, 2);
  row.set(0, 300, 6);
  const SampleRow base{.temperature = 1, .seed = 42};
  const auto with = [&](auto change) {
    SampleRow p = base;
    change(p);
    return p;
  };
  expect_frequencies(*ops_, row, base, "temperature 1");
  expect_frequencies(*ops_, row, with([](SampleRow& p) { p.temperature = 2.5f; }),
                     "temperature 2.5");
  expect_frequencies(*ops_, row, with([](SampleRow& p) { p.min_p = 0.05f; }), "min_p");
  expect_frequencies(*ops_, row, with([](SampleRow& p) { p.top_k = 7; }), "top_k");
  expect_frequencies(*ops_, row, with([](SampleRow& p) { p.top_k = 100000; }),
                     "top_k over the vocabulary");
  expect_frequencies(*ops_, row, with([](SampleRow& p) { p.top_p = 0.6f; }), "top_p");
  expect_frequencies(*ops_, row, with([](SampleRow& p) { p.top_p = 0; }), "top_p 0");
  expect_frequencies(*ops_, row, with([](SampleRow& p) { p.top_p = 0.999f, p.temperature = 5; }),
                     "top_p, flat");
  expect_frequencies(*ops_, row, with([](SampleRow& p) {
    p.top_k = 20, p.top_p = 0.8f, p.min_p = 0.02f, p.temperature = 1.3f;
  }),
                     "all");
}

TEST_P(OpsTest, TopKAndTopPKeepTheSameSetInALargeVocabulary) {
  constexpr int64_t kVocabulary = 50'000;
  for (const float spread :
       {0.01f, 3.f}) {  // nearly flat: no id stands out, and the candidates are all
    Matrix row = Matrix(type(), 1, kVocabulary).fill(random_, spread);
    std::vector<double> logits;
    for (int64_t i = 0; i < kVocabulary; ++i) logits.push_back(row.at(0, i));
    for (SampleRow p :
         {SampleRow{.temperature = 1, .top_k = 50}, SampleRow{.temperature = 1, .top_p = 0.5f},
          SampleRow{.temperature = 1, .top_p = 0.9f, .top_k = 3000},
          SampleRow{.temperature = 0.7f, .min_p = 0.9f}}) {
      const auto want = reference::probabilities(logits, p);
      for (p.draw = 0; p.draw < 60; ++p.draw) {
        const int32_t id = sample(*ops_, row, {p})[0];
        EXPECT_GT(want[static_cast<size_t>(id)], 0)
            << "draw " << p.draw << " top_k " << p.top_k << " top_p " << p.top_p;
      }
    }
  }
}

// The id is the one where the running sum of probabilities passes the uniform number.
TEST_P(OpsTest, TheDrawIsTheInverseOfTheDistribution) {
  Matrix row = Matrix(type(), 1, 3000).fill(random_, 1);
  std::vector<double> logits;
  for (int64_t i = 0; i < 3000; ++i) logits.push_back(row.at(0, i));
  for (const SampleRow& kind :
       {SampleRow{.temperature = 1.5f}, SampleRow{.temperature = 1, .top_k = 40}}) {
    const auto want = reference::probabilities(logits, kind);
    for (uint64_t draw = 0; draw < 50; ++draw) {
      SampleRow p = kind;
      p.seed = 0x123456789abcULL, p.draw = draw;
      const auto id = static_cast<size_t>(sample(*ops_, row, {p})[0]);
      double before = 0;
      for (size_t i = 0; i < id; ++i) before += want[i];
      EXPECT_GE(uniform(p.seed, draw), before - 1e-5);
      EXPECT_LE(uniform(p.seed, draw), before + want[id] + 1e-5);
    }
  }
}

TEST_P(OpsTest, ARowsIdDependsOnItsRowOnly) {
  constexpr int64_t kRows = 24, kVocabulary = 8192;
  Matrix logits = Matrix(type(), kRows, kVocabulary, 7).fill(random_, 2);
  std::vector<SampleRow> params;
  for (uint64_t r = 0; r < kRows; ++r) {
    params.push_back({.temperature = r % 3 == 0 ? 0.f : 0.9f,
                      .top_p = r % 2 == 0 ? 1 : 0.9f,
                      .top_k = static_cast<uint32_t>(r % 5 == 0 ? 0 : 40),
                      .seed = r,
                      .draw = 100 - r});
  }
  const auto together = sample(*ops_, logits, params);
  for (int64_t r = 0; r < kRows; ++r) {
    Matrix copy = logits;
    int32_t id = -7;
    ops_->sample(&id, copy.rows(r, 1), {&params[static_cast<size_t>(r)], 1});
    EXPECT_EQ(id, together[static_cast<size_t>(r)]) << "row " << r;
  }
}

}  // namespace
}  // namespace weir::kernels::testing
