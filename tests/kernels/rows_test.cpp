// Elementwise operations against the reference: odd widths, strides, enough rows to be shared by
// threads.
#include <cmath>
#include <limits>

#include "kernels/matrix.h"
#include "kernels/reference.h"

namespace weir::kernels::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Cpu, OpsTest, ::testing::ValuesIn(cases()), name_of);

constexpr int64_t kWidths[] = {1, 7, 16, 33, 576, 1029};

int64_t many(int64_t width) { return 200'000 / width + 3; }

TEST_P(OpsTest, EmbedTakesRowsAndAdds) {
  for (const int64_t width : kWidths) {
    Matrix table = Matrix(type(), 50, width, 3).fill(random_);
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < many(width); ++i) ids.push_back(static_cast<int32_t>(random_() % 50));
    Matrix out(type(), many(width), width, 5);
    ops_->embed(out.rows(), table.rows(), ids.data(), false);
    expect_near(
        out, [&](int64_t r, int64_t c) { return table.at(ids[r], c); }, "embed");
    std::vector<int32_t> others(ids.rbegin(), ids.rend());
    ops_->embed(out.rows(), table.rows(), others.data(), true);
    expect_near(
        out,
        [&](int64_t r, int64_t c) { return double{table.at(ids[r], c)} + table.at(others[r], c); },
        "embed, adding");
  }
}

TEST_P(OpsTest, GatherTakesRowsOfTheOtherTypeToo) {
  Matrix x = Matrix(type(), 9, 37, 2).fill(random_);
  const std::vector<int32_t> indices = {8, 0, 3, 3};
  Matrix same(type(), 4, 37, 1), wide(DType::float32, 4, 37);
  ops_->gather(same.rows(), x.rows(), indices);
  ops_->gather(wide.rows(), x.rows(), indices);
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t c = 0; c < 37; ++c) {
      EXPECT_EQ(same.at(r, c), x.at(indices[r], c));
      EXPECT_EQ(wide.at(r, c), x.at(indices[r], c));
    }
}

TEST_P(OpsTest, RmsNorm) {
  for (const int64_t width : kWidths) {
    Matrix x = Matrix(type(), many(width), width, 4).fill(random_, 3),
           weight = Matrix(type(), 1, width).fill(random_, 0.3f, 1);
    const auto want = reference::rms_norm(reference::table(x), weight, 1e-5);
    Matrix out(type(), many(width), width, 2);
    ops_->rms_norm(out.rows(), x.rows(), weight.data(), 1e-5f);
    expect_near(
        out, [&](int64_t r, int64_t c) { return want[r][c]; }, "rms_norm");
    ops_->rms_norm(x.rows(), x.rows(), weight.data(), 1e-5f);
    expect_near(
        x, [&](int64_t r, int64_t c) { return want[r][c]; }, "rms_norm in place");
  }
}

TEST_P(OpsTest, RmsNormOfZerosIsZero) {
  Matrix x(type(), 1, 20), weight = Matrix(type(), 1, 20).fill(random_), out(type(), 1, 20);
  for (int64_t c = 0; c < 20; ++c) x.set(0, c, 0);
  ops_->rms_norm(out.rows(), x.rows(), weight.data(), 1e-5f);
  expect_near(
      out, [](int64_t, int64_t) { return 0.0; }, "rms_norm");
}

TEST_P(OpsTest, RmsNormOfHeadsNormsEachWithItsOwnWeights) {
  for (const int32_t head_dim : {2, 10, 64, 128}) {
    const int64_t heads = 5, tokens = many(heads * head_dim);
    Matrix x = Matrix(type(), tokens, heads * head_dim, head_dim).fill(random_, 3), before = x;
    Matrix weight = Matrix(type(), 1, heads * head_dim).fill(random_, 0.3f, 1);
    ops_->rms_norm_heads(x.rows(), weight.data(), head_dim, 1e-6f);
    expect_near(
        x,
        [&](int64_t t, int64_t c) {
          const int64_t first = c - c % head_dim;
          double square = 0;
          for (int64_t d = first; d < first + head_dim; ++d)
            square += double{before.at(t, d)} * before.at(t, d);
          return before.at(t, c) / std::sqrt(square / head_dim + 1e-6) * weight.at(0, c);
        },
        "rms_norm_heads");
  }
}

TEST_P(OpsTest, AddRmsNormNormsTheRoundedSum) {
  for (const int64_t width : kWidths) {
    Matrix x = Matrix(type(), many(width), width, 1).fill(random_),
           weight = Matrix(type(), 1, width).fill(random_, 0.3f, 1);
    Matrix residual = Matrix(type(), many(width), width, 3).fill(random_, 2), sum = residual;
    for (int64_t r = 0; r < many(width); ++r)
      for (int64_t c = 0; c < width; ++c) sum.set(r, c, residual.at(r, c) + x.at(r, c));
    const auto want = reference::rms_norm(reference::table(sum), weight, 1e-6);
    Matrix out(type(), many(width), width);
    ops_->add_rms_norm(out.rows(), residual.rows(), x.rows(), weight.data(), 1e-6f);
    EXPECT_EQ(residual, sum);
    expect_near(
        out, [&](int64_t r, int64_t c) { return want[r][c]; }, "add_rms_norm");
  }
}

TEST_P(OpsTest, LayerNorm) {
  for (const int64_t width : kWidths) {
    Matrix x = Matrix(type(), many(width), width, 4).fill(random_, 2, 5),
           residual = Matrix(type(), many(width), width, 1).fill(random_);
    Matrix weight = Matrix(type(), 1, width).fill(random_, 0.3f, 1),
           bias = Matrix(type(), 1, width).fill(random_, 0.1f);
    const auto plain = reference::layer_norm(reference::table(x), weight, bias, 1e-3);
    auto both = reference::table(x);
    for (int64_t r = 0; r < many(width); ++r)
      for (int64_t c = 0; c < width; ++c) both[r][c] += residual.at(r, c);
    both = reference::layer_norm(std::move(both), weight, bias, 1e-3);
    Matrix out(type(), many(width), width, 2);
    ops_->layer_norm(out.rows(), x.rows(), {}, weight.data(), bias.data(), 1e-3f);
    expect_near(
        out, [&](int64_t r, int64_t c) { return plain[r][c]; }, "layer_norm");
    ops_->layer_norm(x.rows(), x.rows(), residual.rows(), weight.data(), bias.data(), 1e-3f);
    expect_near(
        x, [&](int64_t r, int64_t c) { return both[r][c]; }, "layer_norm with residual, in place");
  }
}

TEST_P(OpsTest, RopeRotatesHalves) {
  for (const int32_t head_dim : {2, 6, 32, 64, 80, 128}) {
    const int32_t heads = 3, tokens = 40;
    Matrix table(DType::float32, 100, head_dim);
    for (int64_t p = 0; p < 100; ++p)
      for (int32_t i = 0; i < head_dim / 2; ++i) {
        const double angle = static_cast<double>(p) * std::pow(10000.0, -2.0 * i / head_dim);
        table.set(p, i, static_cast<float>(std::cos(angle)));
        table.set(p, head_dim / 2 + i, static_cast<float>(std::sin(angle)));
      }
    Matrix x = Matrix(type(), tokens, heads * head_dim, 16).fill(random_), before = x;
    std::vector<int32_t> positions;
    for (int32_t t = 0; t < tokens; ++t) positions.push_back(static_cast<int32_t>(random_() % 100));
    ops_->rope(x.rows(), positions.data(), static_cast<const float*>(table.data()), head_dim);
    expect_near(
        x,
        [&](int64_t t, int64_t c) {
          const int64_t i = c % head_dim, half = head_dim / 2, pair = i % half,
                        first = c - i + pair;
          const double a = before.at(t, first), b = before.at(t, first + half);
          const double cosine = table.at(positions[t], pair),
                       sine = table.at(positions[t], half + pair);
          return i < half ? a * cosine - b * sine : b * cosine + a * sine;
        },
        "rope");
  }
}

TEST_P(OpsTest, Gate) {
  for (const Act act : kActs)
    for (const int64_t width : kWidths) {
      if (!is_gate(act)) continue;
      Matrix x = Matrix(type(), many(width), 2 * width, 3).fill(random_, 4),
             out(type(), many(width), width, 1);
      x.set(0, 0, -200);  // exp(200) is infinite in float32
      x.set(1, 0, 200);
      ops_->gate(out.rows(), x.rows(), act);
      EXPECT_TRUE(out.gaps_untouched());
      for (int64_t r = 0; r < out.row_count(); ++r)
        for (int64_t c = 0; c < width; ++c) {
          const double up = x.at(r, width + c), want = reference::act(act, x.at(r, c)) * up;
          ASSERT_NEAR(out.at(r, c), want, tolerance(std::abs(want)) + 2e-6 * std::abs(up))
              << "act " << static_cast<int>(act) << " of " << x.at(r, c);
        }
    }
}

TEST_P(OpsTest, Activate) {
  for (const Act act : kActs)
    for (const int64_t width : kWidths) {
      Matrix x = Matrix(type(), many(width), width, 3).fill(random_, 3);
      const Matrix before = x;
      ops_->activate(x.rows(), act);
      expect_near(
          x, [&](int64_t r, int64_t c) { return reference::act(act, before.at(r, c)); },
          "activate");
    }
}

TEST_P(OpsTest, NanAndInfinityStayThemselves) {
  for (const Act act : {Act::none, Act::gelu, Act::gelu_tanh, Act::relu, Act::silu}) {
    Matrix x(type(), 1, 19);
    for (int64_t c = 0; c < 19; ++c) x.set(0, c, 1);
    x.set(0, 2, std::numeric_limits<float>::quiet_NaN());
    x.set(0, 18, std::numeric_limits<float>::infinity());
    ops_->activate(x.rows(), act);
    EXPECT_TRUE(std::isnan(x.at(0, 2)));
    EXPECT_TRUE(std::isinf(x.at(0, 18)));
    EXPECT_NEAR(x.at(0, 3), reference::act(act, 1), 3e-3);
  }
}

/// What each mode makes of tokens [from, last] of a row that begins at `first`, as
/// sentence-transformers computes it.
double pooled(const Matrix& hidden, int64_t c, Pooling pooling, std::array<int32_t, 3> tokens) {
  const auto [first, from, last] = tokens;
  double sum = 0, weights = 0, most = -1e30;
  for (int32_t t = from; t <= last; ++t) {
    const double weight = pooling == Pooling::weighted ? t - first + 1 : 1;
    sum += weight * hidden.at(t, c);
    weights += weight;
    most = std::max<double>(most, hidden.at(t, c));
  }
  if (pooling == Pooling::cls) return hidden.at(from, c);
  if (pooling == Pooling::last) return hidden.at(last, c);
  if (pooling == Pooling::max) return most;
  return sum / (pooling == Pooling::sqrt_length ? std::sqrt(weights) : weights);
}

TEST_P(OpsTest, Pool) {
  const std::vector<int32_t> begin = {0, 1, 6, 20, 21};
  const std::vector<int32_t> some = {0, 2, 13, 0}, none = {0, 0, 0, 0};
  for (const int64_t width : {5, 384}) {
    Matrix hidden = Matrix(type(), 21, width, 2).fill(random_);
    const Ragged ragged{
        .rows = 4, .tokens = 21, .q_begin = begin.data(), .q_begin_host = begin.data()};
    for (const Pooling pooling : {Pooling::mean, Pooling::cls, Pooling::last, Pooling::max,
                                  Pooling::weighted, Pooling::sqrt_length})
      for (const bool normalize : {false, true})
        for (const auto* left_out : {&none, &some}) {
          Matrix out(DType::float32, 4, width, 3);
          ops_->pool(out.rows(), hidden.rows(), ragged,
                     {pooling, normalize, left_out == &none ? nullptr : left_out->data()});
          for (int64_t r = 0; r < 4; ++r) {
            const int32_t first = begin[r], last = begin[r + 1] - 1;
            std::vector<double> want;
            double square = 0;
            for (int64_t c = 0; c < width; ++c) {
              want.push_back(pooled(hidden, c, pooling, {first, first + (*left_out)[r], last}));
              square += want.back() * want.back();
            }
            for (int64_t c = 0; c < width; ++c)
              ASSERT_NEAR(out.at(r, c), want[c] / (normalize ? std::sqrt(square) : 1), 3e-6);
          }
          EXPECT_TRUE(out.gaps_untouched());
        }
  }
}

TEST_P(OpsTest, ARowThatIsLeftOutWholeIsItsLastToken) {
  const std::vector<int32_t> begin = {0, 3}, left_out = {3};
  Matrix hidden = Matrix(type(), 3, 5).fill(random_);
  const Ragged ragged{
      .rows = 1, .tokens = 3, .q_begin = begin.data(), .q_begin_host = begin.data()};
  Matrix out(DType::float32, 1, 5);
  ops_->pool(out.rows(), hidden.rows(), ragged, {Pooling::mean, false, left_out.data()});
  for (int64_t c = 0; c < 5; ++c) EXPECT_EQ(out.at(0, c), hidden.at(2, c));
}

TEST_P(OpsTest, WrongShapesAbort) {
  Matrix out(type(), 2, 4), x(type(), 2, 5);
  EXPECT_DEATH(ops_->rms_norm(out.rows(), x.rows(), x.data(), 1e-5f),
               "one side is \\(2, 4\\), the other \\(2, 5\\)");
  const std::vector<int32_t> ids = {0, 2};
  EXPECT_DEATH(ops_->embed(x.rows(), x.rows(), ids.data(), false), "index 2 is one of 2 rows");
  const std::vector<int32_t> begin = {0, 0, 2};
  const Ragged ragged{.rows = 2, .tokens = 2, .q_begin = begin.data()};
  Matrix vectors(DType::float32, 2, 5);
  EXPECT_DEATH(ops_->pool(vectors.rows(), x.rows(), ragged, {}), "row 0 has no token");
}

}  // namespace
}  // namespace weir::kernels::testing
