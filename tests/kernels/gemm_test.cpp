#include "weir/kernels/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/matrix.h"
#include "kernels/pack.h"
#include "kernels/reference.h"
#include "weir/kernels/cpu_isa.h"
#include "weir/kernels/page_fetch.h"
#include "weir/kernels/thread_pool.h"
#include "weir/kernels/weight_memory.h"

namespace weir::kernels {
namespace {

using testing::Case;
using testing::kActs;
using testing::Matrix;

Matrix random(DType type, int64_t rows, int64_t cols, int64_t gap, unsigned seed) {
  std::mt19937 engine(seed);
  return Matrix(type, rows, cols, gap).fill(engine);
}

class GemmTest : public ::testing::TestWithParam<Case> {
 protected:
  Isa isa() const { return GetParam().isa; }
  DType type() const { return GetParam().type; }
  /// Weights whose inputs fill whole units are; those of tiles are filled up.
  bool is_coded() const { return type() == DType::bfloat16 && isa() != Isa::avx2; }
  bool has_tiles() const { return type() == DType::bfloat16 && isa() == Isa::amx; }
  std::unique_ptr<PackedWeight> pack(Matrix& weight) {
    return pack_weight(isa(), {weight.rows()}, type(), pool_, memory_);
  }

  ThreadPool pool_{2};
  WeightMemory memory_;
};

double sum_of(const Matrix& x, const Matrix& w, int64_t row, int64_t col) {
  double sum = 0;
  for (int64_t k = 0; k < x.cols(); ++k) sum += double{x.at(row, k)} * double{w.at(col, k)};
  return sum;
}

/// |error| a sum of products in float32 may have, and then the rounding of its type.
double allowed(const Matrix& x, int64_t row, double value, DType type) {
  double size = 0;
  for (int64_t k = 0; k < x.cols(); ++k) size += std::abs(double{x.at(row, k)});
  return 1e-6 * size + (type == DType::bfloat16 ? std::abs(value) / 256 : 1e-6 * std::abs(value)) +
         1e-6;
}

template <class Expected>
void expect_product(const Matrix& out, const Matrix& x, const Matrix& w, Expected expected) {
  for (int64_t r = 0; r < out.row_count(); ++r)
    for (int64_t c = 0; c < out.cols(); ++c) {
      const double value = expected(sum_of(x, w, r, c), r, c);
      ASSERT_NEAR(out.at(r, c), value, allowed(x, r, value, out.type()))
          << "row " << r << " of " << out.row_count() << ", column " << c << " of " << out.cols();
    }
}

constexpr auto kPlain = [](double sum, int64_t, int64_t) { return sum; };

constexpr int64_t kPlainInputs = 61, kCodedInputs = 64;

TEST_P(GemmTest, EveryNumberOfRowsEqualsTheReference) {
  for (const int64_t k : {kPlainInputs, kCodedInputs}) {
    Matrix w = random(type(), 70, k, 0, 1);
    const auto packed = pack(w);
    for (int64_t m = 1; m <= 70; ++m) {
      Matrix x = random(type(), m, k, 3, static_cast<unsigned>(m));
      Matrix out(type(), m, 70, 5);
      gemm(out.rows(), x.rows(), *packed, nullptr, {}, pool_);
      expect_product(out, x, w, kPlain);
    }
  }
}

TEST_P(GemmTest, EveryShapeEqualsTheReference) {
  const int64_t shapes[][3] = {{1, 1, 1},     {1, 1, 2},     {3, 2, 1},     {2, 31, 17},
                               {5, 33, 64},   {1, 129, 37},  {15, 16, 100}, {29, 95, 31},
                               {37, 257, 96}, {8, 15, 1025}, {1, 300, 16},  {64, 300, 48},
                               {6, 513, 7},   {2, 200, 4099}};
  for (const auto& [m, n, k] : shapes) {
    Matrix w = random(type(), n, k, 2, 7);
    Matrix x = random(type(), m, k, 1, 8);
    Matrix out(DType::float32, m, n);
    gemm(out.rows(), x.rows(), *pack(w), nullptr, {}, pool_);
    SCOPED_TRACE(::testing::Message() << m << " x " << n << " x " << k);
    expect_product(out, x, w, kPlain);
  }
}

TEST_P(GemmTest, NothingOutsideOutIsWritten) {
  Matrix w = random(type(), 45, 20, 0, 1), x = random(type(), 9, 20, 0, 2);
  Matrix out = random(type(), 9, 45, 11, 3);
  const Matrix before = out;
  gemm(out.rows(), x.rows(), *pack(w), nullptr, {.add = true}, pool_);
  EXPECT_TRUE(out.gaps_untouched());
  expect_product(out, x, w,
                 [&](double sum, int64_t r, int64_t c) { return sum + before.at(r, c); });
}

// Pages are brought closer while arithmetic takes the time, and no sum knows of it.
TEST_P(GemmTest, PagesAreFetchedBesideManyRowsAndChangeNothing) {
  constexpr int32_t kPages = 9, kHeads = 2, kTokens = 16, kDim = 64;
  Matrix keys(type(), kPages * kHeads * kTokens, kDim), values = keys;
  const PagedKv cache{keys.rows().data, values.rows().data, type(), kTokens, kHeads, kDim};
  const std::vector<int32_t> ids{3, 8, 1, 0, 7};
  for (const int64_t k : {kPlainInputs, kCodedInputs, int64_t{1}}) {
    Matrix w = random(type(), 200, k, 0, 1);
    const auto packed = pack(w);
    for (const int64_t m : {1, 2, 90}) {
      Matrix x = random(type(), m, k, 0, 2), alone(type(), m, 200), beside(type(), m, 200);
      gemm(alone.rows(), x.rows(), *packed, nullptr, {}, pool_);
      PageFetch fetch;
      fetch.expect(cache, ids);
      gemm(beside.rows(), x.rows(), *packed, nullptr, {}, pool_, &fetch);
      for (int64_t r = 0; r < m; ++r)
        for (int64_t c = 0; c < 200; ++c) ASSERT_EQ(beside.at(r, c), alone.at(r, c));
      if (has_tiles()) continue;  // they leave it
      EXPECT_EQ(fetch.take(kPages).empty(), m == 90) << m << " rows of " << k << " inputs";
    }
  }
}

TEST_P(GemmTest, EpiloguesEqualTheReference) {
  const int64_t m = 17, n = 75, k = 24;
  Matrix w = random(type(), n, k, 0, 1), x = random(type(), m, k, 0, 2);
  Matrix bias = random(DType::float32, 1, n, 0, 3);
  const auto packed = pack(w);
  const auto* b = static_cast<const float*>(bias.rows().data);
  for (const DType out_type : {type(), DType::float32})
    for (const Act act : kActs)
      for (const float* biases : {static_cast<const float*>(nullptr), b})
        for (const bool add : {false, true}) {
          Matrix out = random(out_type, m, n, 0, 4);
          const Matrix before = out;
          gemm(out.rows(), x.rows(), *packed, biases, {.act = act, .add = add}, pool_);
          expect_product(out, x, w, [&](double sum, int64_t r, int64_t c) {
            return reference::act(act, sum + (biases ? b[c] : 0)) + (add ? before.at(r, c) : 0);
          });
        }
}

TEST_P(GemmTest, AGatedWeightEqualsTheReference) {
  for (const int64_t k : {37, 40})
    for (const int64_t n : {16, 31, 75, 200}) {
      Matrix gates = random(type(), n, k, 0, 1), w = random(type(), n, k, 0, 2);
      Matrix bias = random(DType::float32, 1, 2 * n, 0, 3);
      const auto* b = static_cast<const float*>(bias.rows().data);
      const auto packed = pack_weight(isa(), {w.rows(), gates.rows()}, type(), pool_, memory_);
      EXPECT_EQ(packed->out_features(), n);
      for (const int64_t m : {1, 2, 5, 8, 14, 15, 40})
        for (const float* biases : {static_cast<const float*>(nullptr), b})
          for (const DType out_type : {type(), DType::float32})
            for (const Act act : kActs) {
              if (!is_gate(act) || (act != Act::silu && m != 15)) continue;
              Matrix x = random(type(), m, k, 3, 4), out(out_type, m, n, 5);
              gemm(out.rows(), x.rows(), *packed, biases, {.act = act, .gated = true}, pool_);
              EXPECT_TRUE(out.gaps_untouched());
              expect_product(out, x, w, [&](double sum, int64_t r, int64_t c) {
                const double gate = sum_of(x, gates, r, c) + (biases ? b[c] : 0);
                return reference::act(act, gate) * (sum + (biases ? b[n + c] : 0));
              });
            }
    }
}

TEST_P(GemmTest, GeluIsAccurateOverItsWholeRange) {
  constexpr int64_t kValues = 4001;  // x = 1, weight = the argument
  Matrix w(DType::float32, kValues, 1), x(type(), 1, 1);
  x.set(0, 0, 1);
  for (int64_t i = 0; i < kValues; ++i) w.set(i, 0, static_cast<float>(i - 2000) / 160);
  const auto packed = pack(w);
  Matrix out(DType::float32, 1, kValues), given(type(), 1, 1);
  for (const bool tanh_form : {false, true}) {
    const Act act = tanh_form ? Act::gelu_tanh : Act::gelu;
    gemm(out.rows(), x.rows(), *packed, nullptr, {.act = act}, pool_);
    for (int64_t i = 0; i < kValues; ++i) {
      given.set(0, 0, w.at(i, 0));
      const double v = given.at(0, 0);
      const double inner = tanh_form ? std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))
                                     : std::erf(v / std::sqrt(2.0));
      ASSERT_NEAR(out.at(0, i), 0.5 * v * (1 + inner), 1e-6 * std::max(1.0, std::abs(v))) << v;
    }
  }
}

constexpr Epilogue kEpilogues[] = {{},
                                   {.act = Act::gelu},
                                   {.act = Act::gelu_tanh},
                                   {.act = Act::tanh},
                                   {.act = Act::relu},
                                   {.act = Act::silu, .add = true},
                                   {.add = true}};

TEST_P(GemmTest, ARowIsTheSameBitsInEveryBatch) {
  const int64_t m = 37, n = 203;
  for (const int64_t k : {333, 332}) {
    Matrix w = random(type(), n, k, 0, 1), x = random(type(), m, k, 0, 2);
    Matrix bias = random(DType::float32, 1, n, 0, 3);
    const auto* b = static_cast<const float*>(bias.rows().data);
    const auto packed = pack(w);
    ThreadPool alone(1), three(3);
    for (const Epilogue& epilogue : kEpilogues)
      for (const DType out_type : {type(), DType::float32}) {
        Matrix together = random(out_type, m, n, 0, 5), single = together, other = together;
        gemm(together.rows(), x.rows(), *packed, b, epilogue, pool_);
        gemm(other.rows(), x.rows(), *packed, b, epilogue, three);
        for (int64_t r = 0; r < m; ++r)
          gemm(single.rows(r, 1), x.rows(r, 1), *packed, b, epilogue, alone);
        EXPECT_TRUE(together == single);
        EXPECT_TRUE(together == other);
      }
  }
}

TEST_P(GemmTest, CutsOfALargeProductChangeNoBit) {
  // Large enough for several slabs, groups and pieces; every tile size meets each row somewhere.
  const int64_t n = 330;
  for (const int64_t k : {2050, 2052}) {
    Matrix w = random(type(), n, k, 0, 1), x = random(type(), 700, k, 0, 2);
    const auto packed = pack(w);
    Matrix whole(type(), 700, n), parts(type(), 700, n);
    gemm(whole.rows(), x.rows(), *packed, nullptr, {}, pool_);
    for (int64_t begin = 0, size = 1; begin < 700; begin += size++) {
      size = std::min(size, 700 - begin);
      gemm(parts.rows(begin, size), x.rows(begin, size), *packed, nullptr, {}, pool_);
    }
    EXPECT_TRUE(whole == parts);
    for (const int64_t r : {0, 1, 350, 699})
      for (const int64_t c : {0, 31, 64, 329}) {
        const double value = sum_of(x, w, r, c);
        EXPECT_NEAR(whole.at(r, c), value, allowed(x, r, value, type()));
      }
  }
}

TEST_P(GemmTest, ANotANumberStaysInItsRow) {
  Matrix w = random(type(), 40, 33, 0, 1), x = random(type(), 3, 33, 0, 2);
  x.set(1, 32, std::numeric_limits<float>::quiet_NaN());
  Matrix out(type(), 3, 40);
  gemm(out.rows(), x.rows(), *pack(w), nullptr, {}, pool_);
  for (int64_t c = 0; c < 40; ++c) {
    EXPECT_FALSE(std::isnan(out.at(0, c)));
    EXPECT_TRUE(std::isnan(out.at(1, c)));
    EXPECT_FALSE(std::isnan(out.at(2, c)));
  }
}

/// Each row one input of a weight and nothing else: their product is the weight, turned.
Matrix units(DType type, int64_t inputs) {
  Matrix x(type, inputs, inputs);
  for (int64_t r = 0; r < inputs; ++r)
    for (int64_t c = 0; c < inputs; ++c) x.set(r, c, r == c ? 1 : 0);
  return x;
}

TEST_P(GemmTest, APackedWeightIsExact) {
  for (const int64_t k : {int64_t{35}, kPlainInputs, kCodedInputs}) {
    Matrix w = random(type(), 67, k, 1, 9), x = units(type(), k), out(DType::float32, k, 67);
    const auto packed = pack(w);
    EXPECT_EQ(packed->out_features(), 67);
    EXPECT_EQ(packed->in_features(), k);
    EXPECT_EQ(packed->type(), type());
    gemm(out.rows(), x.rows(), *packed, nullptr, {}, pool_);
    for (int64_t r = 0; r < 67; ++r)
      for (int64_t c = 0; c < k; ++c) ASSERT_EQ(out.at(c, r), w.at(r, c)) << r << ", " << c;
  }
}

TEST_P(GemmTest, AWeightTakesItsNumbersAndNoMore) {
  Matrix odd = random(type(), 67, 35, 1, 9);
  EXPECT_GE(pack(odd)->bytes(), 67 * 35 * size_of(type()));
  const size_t inputs = has_tiles() ? 64 : 36;
  EXPECT_LE(pack(odd)->bytes(), 96 * inputs * size_of(type()) + 64);
  const bool coded = is_coded();
  Matrix plain = random(type(), 96, 2 * kPlainInputs, 0, 9), w = random(type(), 96, 2048, 0, 9);
  EXPECT_EQ(pack(w)->bytes() < 96 * 2048 * size_of(type()), coded);
  EXPECT_LE(pack(w)->bytes(), 96 * 2048 * (coded ? 1.51 : size_of(type())));
  const Coding coding = has_tiles() ? Coding::none : Coding::by_escapes;
  const size_t plain_inputs = has_tiles() ? 128 : 2 * kPlainInputs;
  EXPECT_EQ(pack_weight(isa(), {plain.rows()}, type(), pool_, memory_, coding)->bytes(),
            96 * plain_inputs * size_of(type()));
}

TEST_P(GemmTest, CodedAndPlainWeightsGiveTheSameBits) {
  std::mt19937 engine(3);
  for (const int64_t k : {4, 100, 576, 1536}) {
    Matrix w = random(type(), 150, k, 0, 1);
    // One in 600 where no book reaches, the first and the last among them.
    for (int64_t i = 0; i < 150 * k; i += 599) {
      const int exponent = static_cast<int>(engine() % 60) - 55;
      w.set(i / k, i % k, std::ldexp(1.3f, exponent));
    }
    w.set(149, k - 1, 1e-30f);
    const auto coded = pack(w);
    const auto plain = pack_weight(isa(), {w.rows()}, type(), pool_, memory_, Coding::none);
    EXPECT_EQ(coded->bytes() < plain->bytes(), is_coded() && (has_tiles() || k >= 100));
    for (const int64_t m : {1, 3, 14, 15, 64, 200}) {
      Matrix x = random(type(), m, k, 0, 2), a(type(), m, 150), b(type(), m, 150);
      gemm(a.rows(), x.rows(), *coded, nullptr, {}, pool_);
      gemm(b.rows(), x.rows(), *plain, nullptr, {}, pool_);
      EXPECT_TRUE(a == b) << m << " rows of " << k;
    }
  }
}

TEST_P(GemmTest, AWeightOfManyMagnitudesIsNotCoded) {
  std::mt19937 engine(4);
  Matrix w(type(), 64, 256);
  for (int64_t r = 0; r < 64; ++r)
    for (int64_t c = 0; c < 256; ++c)
      w.set(r, c, std::ldexp(1.f, static_cast<int>(engine() % 200) - 100));
  EXPECT_EQ(pack(w)->bytes(), 64 * 256 * size_of(type()));
}

TEST_P(GemmTest, TheSourceMayBeOfTheOtherTypeAndUnaligned) {
  const DType other = type() == DType::float32 ? DType::bfloat16 : DType::float32;
  Matrix w = random(other, 33, 19, 0, 9);
  Rows source = w.rows();
  const auto bytes = static_cast<size_t>(33 * 19) * size_of(other);
  std::vector<std::byte> moved(1 + bytes);
  std::memcpy(moved.data() + 1, source.data, bytes);
  source.data = moved.data() + 1;
  const auto packed = pack_weight(isa(), {source}, type(), pool_, memory_);
  Matrix x = units(type(), 19), out(DType::float32, 19, 33), rounded(type(), 1, 1);
  gemm(out.rows(), x.rows(), *packed, nullptr, {}, pool_);
  for (int64_t r = 0; r < 33; ++r)
    for (int64_t c = 0; c < 19; ++c) {
      rounded.set(0, 0, w.at(r, c));
      ASSERT_EQ(out.at(c, r), rounded.at(0, 0));
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, GemmTest, ::testing::ValuesIn(testing::cases()), testing::name_of);

TEST(GemmDefaults, PackTakesTheProcessorsKernel) {
  ThreadPool pool(2);
  WeightMemory memory;
  Matrix w = random(DType::float32, 50, 40, 0, 1), x = random(DType::float32, 4, 40, 0, 2);
  Matrix out(DType::float32, 4, 50), same = out;
  gemm(out.rows(), x.rows(), *PackedWeight::pack(w.rows(), DType::float32, pool, memory), nullptr,
       {}, pool);
  gemm(same.rows(), x.rows(), *pack_weight(cpu_isa(), {w.rows()}, DType::float32, pool, memory),
       nullptr, {}, pool);
  EXPECT_TRUE(out == same);
  expect_product(out, x, w, kPlain);
}

TEST(GemmDefaults, NoRowsAreNoWork) {
  ThreadPool pool(2);
  WeightMemory memory;
  Matrix w = random(DType::float32, 5, 4, 0, 1), x(DType::float32, 0, 4), out(DType::float32, 0, 5);
  gemm(out.rows(), x.rows(), *PackedWeight::pack(w.rows(), DType::float32, pool, memory), nullptr,
       {}, pool);
}

TEST(GemmDeathTest, WrongShapesAbort) {
  ThreadPool pool(1);
  WeightMemory memory;
  Matrix w = random(DType::float32, 5, 4, 0, 1), x(DType::float32, 2, 3), out(DType::float32, 2, 5);
  const auto packed = PackedWeight::pack(w.rows(), DType::float32, pool, memory);
  EXPECT_DEATH(gemm(out.rows(), x.rows(), *packed, nullptr, {}, pool), "in_features");
}

}  // namespace
}  // namespace weir::kernels
