#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/cpu_ops.h"
#include "weir/kernels/act.h"
#include "weir/kernels/thread_pool.h"
#include "weir/kernels/view.h"

namespace weir::kernels::testing {

inline uint16_t to_bf16(float x) {
  if (std::isnan(x)) return 0x7fc0;
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

/// Rows of numbers of either type, with a gap after each row that must stay as it was.
class Matrix {
 public:
  Matrix(DType type, int64_t rows, int64_t cols, int64_t gap = 0)
      : type_(type),
        rows_(rows),
        cols_(cols),
        stride_(cols + gap),
        data_(static_cast<size_t>(rows * stride_) * size_of(type), kGap) {}

  Matrix& fill(std::mt19937& random, float scale = 1, float offset = 0) {
    std::normal_distribution<float> normal(0, 1);
    for (int64_t r = 0; r < rows_; ++r)
      for (int64_t c = 0; c < cols_; ++c) set(r, c, normal(random) * scale + offset);
    return *this;
  }
  void set(int64_t r, int64_t c, float x) {
    if (type_ == DType::float32) {
      std::memcpy(place(r, c), &x, 4);
    } else {
      const uint16_t half = to_bf16(x);
      std::memcpy(place(r, c), &half, 2);
    }
  }
  float at(int64_t r, int64_t c) const {
    if (type_ == DType::float32) {
      float x;
      std::memcpy(&x, place(r, c), 4);
      return x;
    }
    uint16_t half;
    std::memcpy(&half, place(r, c), 2);
    return from_bf16(half);
  }
  bool gaps_untouched() const {
    for (int64_t r = 0; r < rows_; ++r)
      for (const uint8_t* p = place(r, cols_);
           p < place(r, cols_) + (stride_ - cols_) * static_cast<int64_t>(size_of(type_)); ++p)
        if (*p != kGap) return false;
    return true;
  }
  Rows rows() { return {data_.data(), type_, rows_, cols_, stride_}; }
  Rows rows(int64_t first, int64_t count) {
    return {place(first, 0), type_, count, cols_, stride_};
  }
  void* data() { return data_.data(); }
  DType type() const { return type_; }
  int64_t row_count() const { return rows_; }
  int64_t cols() const { return cols_; }
  bool operator==(const Matrix&) const = default;

 private:
  static constexpr uint8_t kGap = 0xa5;
  uint8_t* place(int64_t r, int64_t c) {
    return data_.data() + (r * stride_ + c) * static_cast<int64_t>(size_of(type_));
  }
  const uint8_t* place(int64_t r, int64_t c) const {
    return const_cast<Matrix*>(this)->place(r, c);
  }

  DType type_;
  int64_t rows_, cols_, stride_;
  std::vector<uint8_t> data_;
};

inline constexpr Act kActs[] = {Act::none, Act::gelu, Act::gelu_tanh,
                                Act::tanh, Act::relu, Act::silu};

/// An instruction set and a type of activations.
struct Case {
  Isa isa;
  DType type;
};

inline std::vector<Isa> isas() {
  const auto last = std::ranges::find(kIsas, *last_isa());
  return {kIsas.begin(), last + 1};
}

inline std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Isa isa : isas())
    for (const DType type : {DType::float32, DType::bfloat16}) all.push_back({isa, type});
  return all;
}

inline std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  return to_string(info.param.isa) + (info.param.type == DType::float32 ? "_float32" : "_bfloat16");
}

class OpsTest : public ::testing::TestWithParam<Case> {
 protected:
  DType type() const { return GetParam().type; }
  /// What a result of magnitude `size` may differ by: float32 sums, and one rounding to the type.
  double tolerance(double size) const {
    return (type() == DType::float32 ? 2e-6 : 4.1e-3) * size + 2e-6;
  }

  /// Every element against reference(r, c), a double.
  template <class F>
  void expect_near(const Matrix& got, F&& reference, const char* what) const {
    int wrong = 0;
    for (int64_t r = 0; r < got.row_count(); ++r)
      for (int64_t c = 0; c < got.cols(); ++c) {
        const double want = reference(r, c);
        if (std::abs(got.at(r, c) - want) <= tolerance(std::abs(want))) continue;
        if (++wrong <= 3)
          ADD_FAILURE() << what << " (" << r << ", " << c << ") is " << got.at(r, c) << ", not "
                        << want;
      }
    EXPECT_EQ(wrong, 0) << what;
    EXPECT_TRUE(got.gaps_untouched()) << what << " wrote past its columns";
  }

  std::mt19937 random_{20261124};
  ThreadPool threads_{3};
  std::unique_ptr<Ops> ops_ = make_cpu_ops(threads_, GetParam().isa);
};

}  // namespace weir::kernels::testing
