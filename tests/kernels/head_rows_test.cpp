// Mixes of layers and LSTMs against plain loops in double.
#include <cmath>
#include <numeric>

#include "kernels/matrix.h"

namespace weir::kernels::testing {
namespace {

TEST_P(OpsTest, MixIsTheWeightedSumOfLayers) {
  const std::vector<float> weights = {0.5F, -1.25F, 0, 3};
  for (const int64_t width : {1, 7, 33, 384}) {
    constexpr int64_t kRows = 41;
    Matrix x = Matrix(type(), 4 * kRows, width, 3).fill(random_);
    Matrix out(DType::float32, kRows, width, 2);
    ops_->mix(out.rows(), x.rows(), weights);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t c = 0; c < width; ++c) {
        double want = 0;
        for (int64_t k = 0; k < 4; ++k)
          want += double{weights[static_cast<size_t>(k)]} * x.at(k * kRows + r, c);
        ASSERT_NEAR(out.at(r, c), want, 2e-6 * (1 + std::abs(want)));
      }
    EXPECT_TRUE(out.gaps_untouched());
  }
}

/// A layer's weights as PyTorch has them, and their transposes.
struct Weights {
  int32_t width, directions;
  std::vector<float> w;       // (directions, 4 width, width)
  std::vector<float> turned;  // (directions, width, 4 width)

  Weights(int32_t of_width, int32_t of_directions, std::mt19937& random)
      : width(of_width), directions(of_directions) {
    std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(width)));
    const int64_t n = 4 * width;
    w.resize(static_cast<size_t>(directions * n * width));
    turned.resize(w.size());
    for (float& each : w) each = normal(random);
    for (int64_t d = 0; d < directions; ++d)
      for (int64_t i = 0; i < n; ++i)
        for (int64_t k = 0; k < width; ++k)
          turned[static_cast<size_t>((d * width + k) * n + i)] =
              w[static_cast<size_t>((d * n + i) * width + k)];
  }
  Lstm lstm() const { return {width, directions, turned.data()}; }
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// h of each line of one row in one direction, by the definition.
std::vector<std::vector<double>> plain(const Matrix& gates, const Weights& weights, int32_t d,
                                       std::vector<int32_t> lines) {
  const auto width = static_cast<size_t>(weights.width);
  std::vector<double> h(width), c(width), z(4 * width);
  std::vector<std::vector<double>> all(lines.size());
  if (d == 1) std::reverse(lines.begin(), lines.end());
  for (size_t step = 0; step < lines.size(); ++step) {
    for (size_t i = 0; i < z.size(); ++i) {
      z[i] = gates.at(lines[step], static_cast<int64_t>(static_cast<size_t>(d) * z.size() + i));
      for (size_t k = 0; k < width; ++k)
        z[i] += double{weights.w[(static_cast<size_t>(d) * z.size() + i) * width + k]} * h[k];
    }
    for (size_t j = 0; j < width; ++j) {
      c[j] = sigmoid(z[width + j]) * c[j] + sigmoid(z[j]) * std::tanh(z[2 * width + j]);
      h[j] = sigmoid(z[3 * width + j]) * std::tanh(c[j]);
    }
    all[d == 1 ? lines.size() - 1 - step : step] = h;
  }
  return all;
}

TEST_P(OpsTest, LstmIsThePlainLoopInBothDirections) {
  if (type() != DType::float32) GTEST_SKIP() << "its numbers are float32";
  const std::vector<int32_t> begins = {0, 1, 1, 30, 34};  // one row has no line
  for (const int32_t width : {1, 5, 16, 64, 67})
    for (const int32_t directions : {1, 2}) {
      const Weights weights(width, directions, random_);
      Matrix gates = Matrix(DType::float32, 34, 4 * directions * width, 2).fill(random_, 1.5F);
      Matrix out(DType::float32, 34, directions * width, 3);
      ops_->lstm(out.rows(), gates.rows(), begins, weights.lstm());
      for (size_t row = 0; row + 1 < begins.size(); ++row)
        for (int32_t d = 0; d < directions; ++d) {
          std::vector<int32_t> lines(static_cast<size_t>(begins[row + 1] - begins[row]));
          std::iota(lines.begin(), lines.end(), begins[row]);
          const auto want = plain(gates, weights, d, lines);
          for (size_t i = 0; i < lines.size(); ++i)
            for (int32_t j = 0; j < width; ++j)
              ASSERT_NEAR(out.at(lines[i], d * width + j), want[i][static_cast<size_t>(j)], 3e-6)
                  << width << ", line " << lines[i] << ", direction " << d;
        }
      EXPECT_TRUE(out.gaps_untouched());
    }
}

TEST_P(OpsTest, AGruCellIsPyTorchs) {
  if (type() != DType::float32) GTEST_SKIP() << "its numbers are float32";
  for (const int64_t width : {1, 7, 16, 35, 256})
    for (const int64_t rows : {1, 3, 90}) {
      Matrix x = Matrix(DType::float32, rows, 3 * width, 2).fill(random_, 2),
             h = Matrix(DType::float32, rows, 3 * width, 1).fill(random_, 2);
      Matrix state = Matrix(DType::float32, rows, width, 4).fill(random_),
             out(DType::float32, rows, width, 3);
      x.set(0, 0, -200);  // exp(200) is infinite in float32
      const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
      const auto want = [&](int64_t r, int64_t c) {
        const double reset = sigmoid(x.at(r, c) + h.at(r, c));
        const double kept = sigmoid(x.at(r, width + c) + h.at(r, width + c));
        const double fresh = std::tanh(x.at(r, 2 * width + c) + reset * h.at(r, 2 * width + c));
        return (1 - kept) * fresh + kept * state.at(r, c);
      };
      ops_->gru(out.rows(), x.rows(), h.rows(), state.rows());
      EXPECT_TRUE(out.gaps_untouched());
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < width; ++c) ASSERT_NEAR(out.at(r, c), want(r, c), 2e-6);
      ops_->gru(state.rows(), x.rows(), h.rows(), state.rows());
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < width; ++c) ASSERT_EQ(state.at(r, c), out.at(r, c)) << "in place";
      }
    }
}

TEST_P(OpsTest, AnLstmsRowHasTheSameBitsAloneAndAmongOthers) {
  if (type() != DType::float32) GTEST_SKIP() << "its numbers are float32";
  const Weights weights(64, 2, random_);
  constexpr int32_t kRows = 50, kLines = 9;
  Matrix gates = Matrix(DType::float32, kRows * kLines, 4 * 2 * 64).fill(random_);
  Matrix together(DType::float32, kRows * kLines, 2 * 64);
  std::vector<int32_t> begins;
  for (int32_t i = 0; i <= kRows; ++i) begins.push_back(i * kLines);
  ops_->lstm(together.rows(), gates.rows(), begins, weights.lstm());
  for (int32_t row = 0; row < kRows; ++row) {
    Matrix alone(DType::float32, kLines, 2 * 64);
    ops_->lstm(alone.rows(), gates.rows(row * kLines, kLines), std::vector<int32_t>{0, kLines},
               weights.lstm());
    for (int32_t i = 0; i < kLines; ++i)
      for (int64_t c = 0; c < 2 * 64; ++c)
        ASSERT_EQ(alone.at(i, c), together.at(row * kLines + i, c)) << row;
  }
}

}  // namespace
}  // namespace weir::kernels::testing
