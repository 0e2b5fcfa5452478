// Sampling: the greedy id, the random numbers, and drawn frequencies against the reference's
// probabilities.
#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "kernels/matrix.h"
#include "kernels/philox.h"
#include "kernels/reference.h"

namespace weir::kernels::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Logits are float32 always.
std::vector<Case> float32_cases() {
  std::vector<Case> all;
  for (const Isa isa : isas()) all.push_back({isa, DType::float32});
  return all;
}

class SampleTest : public OpsTest {};
INSTANTIATE_TEST_SUITE_P(Cpu, SampleTest, ::testing::ValuesIn(float32_cases()), name_of);

std::vector<int32_t> sample(Ops& ops, Matrix logits, const std::vector<SampleRow>& params) {
  std::vector<int32_t> ids(params.size(), -7);
  ops.sample({.ids = ids.data()}, logits.rows(), params);
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

TEST_P(SampleTest, GreedyTakesTheLowestOfTheGreatest) {
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

TEST_P(SampleTest, GreedyOfNegativeLogitsOnly) {
  Matrix logits(type(), 1, 21);
  for (int64_t i = 0; i < 21; ++i) logits.set(0, i, -100.f - static_cast<float>(i));
  EXPECT_EQ(sample(*ops_, logits, {{}})[0], 0);
}

TEST_P(SampleTest, BannedIdsAreNeverDrawn) {
  Matrix logits = Matrix(type(), 2, 100).fill(random_, 0.1f);
  for (const int64_t r : {0, 1})
    logits.set(r, 17, kInfinity), logits.set(r, 99, 15), logits.set(r, 3, 10);
  const std::vector<LogitEdit> banned = {{.id = 99, .add = -kInfinity},
                                         {.id = 17, .add = -kInfinity}};
  const auto ids =
      sample(*ops_, logits, {{.edits = banned}, {.temperature = 0.5f, .edits = banned}});
  EXPECT_EQ(ids, (std::vector<int32_t>{3, 3}));
}

TEST_P(SampleTest, OnlyAllowedIdsAreDrawn) {
  const std::vector<int32_t> ends = {0, 99}, inner = {40, 41, 97}, one = {98};
  const Matrix logits = Matrix(type(), 1, 100).fill(random_);
  for (const auto& allowed : {ends, inner, one}) {
    std::vector<int32_t> seen;
    for (uint64_t draw = 0; draw < 100; ++draw)
      seen.push_back(
          sample(*ops_, logits, {{.temperature = 5, .draw = draw, .allowed = allowed}})[0]);
    std::ranges::sort(seen);
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    EXPECT_EQ(seen, allowed);
  }
}

// In vLLM's order: bias, then the repetition penalty by the sign of what came of it, then what is
// subtracted.
TEST_P(SampleTest, EditsChangeTheLogits) {
  const auto of = [&](float logit, const LogitEdit& edit) {
    // The id is drawn where its logit is above the other one's.
    float low = -100, high = 100;
    for (int i = 0; i < 40; ++i) {
      const float middle = (low + high) / 2;
      Matrix logits(type(), 1, 2);
      logits.set(0, 0, middle), logits.set(0, 1, logit);
      const std::vector<LogitEdit> edits = {edit};
      (sample(*ops_, logits, {{.edits = edits}})[0] == 1 ? low : high) = middle;
    }
    return low;
  };
  EXPECT_NEAR(of(3, {.id = 1}), 3, 1e-4);
  EXPECT_NEAR(of(3, {.id = 1, .add = -1.5F}), 1.5, 1e-4);
  EXPECT_NEAR(of(3, {.id = 1, .repetition = 2}), 1.5, 1e-4);
  EXPECT_NEAR(of(-3, {.id = 1, .repetition = 2}), -6, 1e-4);
  EXPECT_NEAR(of(3, {.id = 1, .add = -4, .repetition = 2, .subtract = 0.5F}), -2.5, 1e-4);
  EXPECT_NEAR(of(3, {.id = 1, .subtract = -1}), 4, 1e-4);
}

/// What sample() tells of rows, in the shape of SampleOut.
struct Told {
  explicit Told(size_t rows, int32_t most)
      : ids(rows),
        ranks(rows),
        top_ids(rows * static_cast<size_t>(most)),
        logprobs(rows),
        top_logprobs(top_ids.size()),
        top(most) {}
  SampleOut out() {
    return {ids.data(), logprobs.data(), ranks.data(), top_ids.data(), top_logprobs.data(), top};
  }
  std::vector<int32_t> ids, ranks, top_ids;
  std::vector<float> logprobs, top_logprobs;
  int32_t top;
};

std::vector<double> log_softmax(const Matrix& logits) {
  double sum = 0;
  std::vector<double> values;
  for (int64_t i = 0; i < logits.cols(); ++i) values.push_back(logits.at(0, i));
  const double top = *std::ranges::max_element(values);
  for (const double x : values) sum += std::exp(x - top);
  for (double& x : values) x -= top + std::log(sum);
  return values;
}

TEST_P(SampleTest, LogprobsAreThoseOfTheLogitsAsTheyCame) {
  for (const int64_t vocabulary : {1, 7, 300, 49152}) {
    const Matrix logits = Matrix(type(), 1, vocabulary).fill(random_, 4);
    const std::vector<double> want = log_softmax(logits);
    const auto last = static_cast<int32_t>(vocabulary - 1);
    const std::vector<LogitEdit> edits = {{.id = 0, .add = -kInfinity}};
    const std::vector<int32_t> only = {last};
    for (const SampleRow& row :
         {SampleRow{.logprobs = 5}, SampleRow{.temperature = 2, .allowed = only, .logprobs = 0},
          SampleRow{.temperature = 0.1F, .edits = edits, .logprobs = 20},
          SampleRow{.given = last / 2, .logprobs = 3}}) {
      if (vocabulary == 1 && !row.edits.empty()) continue;  // nothing would be left
      Told told(1, 20);
      Matrix copy = logits;
      ops_->sample(told.out(), copy.rows(), {&row, 1});
      const auto id = static_cast<size_t>(told.ids[0]);
      if (row.given >= 0) {
        EXPECT_EQ(told.ids[0], row.given);
      }
      EXPECT_NEAR(told.logprobs[0], want[id], 1e-5);
      EXPECT_EQ(told.ranks[0],
                std::ranges::count_if(want, [&](double x) { return x >= want[id]; }));
      std::vector<int32_t> order(want.size());
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order, [&](int32_t a, int32_t b) {
        return want[static_cast<size_t>(a)] > want[static_cast<size_t>(b)];
      });
      const size_t most = std::min(order.size(), static_cast<size_t>(row.logprobs));
      for (size_t i = 0; i < most; ++i) {
        EXPECT_EQ(told.top_ids[i], order[i]);
        EXPECT_NEAR(told.top_logprobs[i], want[static_cast<size_t>(order[i])], 1e-5);
      }
    }
  }
}

TEST_P(SampleTest, LogprobsOfTiesOfInfinityAndOfNothing) {
  Matrix logits(type(), 4, 3);
  for (int64_t i = 0; i < 3; ++i) logits.set(0, i, 1), logits.set(1, i, -kInfinity);
  logits.set(1, 1, 2);
  logits.set(2, 0, 5), logits.set(2, 2, kInfinity);
  logits.set(3, 1, std::nanf(""));
  const std::vector<SampleRow> rows = {{.logprobs = 3},
                                       {.given = 2, .logprobs = 3},
                                       {.temperature = 1, .logprobs = 2},
                                       {.given = 0, .logprobs = 1}};
  Told told(4, 3);
  ops_->sample(told.out(), logits.rows(), rows);
  EXPECT_EQ(told.ids, (std::vector<int32_t>{0, 2, 2, -1}));
  EXPECT_NEAR(told.logprobs[0], -std::log(3.0), 1e-6);
  EXPECT_EQ(told.ranks[0], 3);
  EXPECT_EQ(std::vector(told.top_ids.begin(), told.top_ids.begin() + 6),
            (std::vector<int32_t>{0, 1, 2, 1, 0, 2}));
  EXPECT_EQ(told.logprobs[1], -kInfinity);
  EXPECT_EQ(told.top_logprobs[3], 0);
  EXPECT_EQ(told.logprobs[2], 0);
  EXPECT_EQ(told.top_logprobs[7], -kInfinity);
}

TEST_P(SampleTest, RowsWithNanOrNothingToDrawGiveNoId) {
  for (const float temperature : {0.f, 1.f}) {
    for (const int64_t at : {0, 40, 99}) {
      Matrix logits = Matrix(type(), 3, 100).fill(random_);
      logits.set(0, at, std::nanf(""));
      for (int64_t i = 0; i < 100; ++i) logits.set(1, i, -kInfinity);
      logits.set(2, 7, -kInfinity);
      logits.set(2, at, 30);
      const SampleRow p{.temperature = temperature};
      EXPECT_EQ(sample(*ops_, logits, {p, p, p}),
                (std::vector<int32_t>{kLogitsAreBroken, kNothingToDraw, static_cast<int32_t>(at)}));
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

TEST_P(SampleTest, DrawsFollowTheProbabilities) {
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

TEST_P(SampleTest, TopKAndTopPKeepTheSameSetInALargeVocabulary) {
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
TEST_P(SampleTest, TheDrawIsTheInverseOfTheDistribution) {
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

TEST_P(SampleTest, ARowsIdDependsOnItsRowOnly) {
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
    ops_->sample({.ids = &id}, copy.rows(r, 1), {&params[static_cast<size_t>(r)], 1});
    EXPECT_EQ(id, together[static_cast<size_t>(r)]) << "row " << r;
  }
}

}  // namespace
}  // namespace weir::kernels::testing
