#pragma once

// The register tile and its epilogue, over a vector type. Each instruction set's file instantiates
// it for itself; the namespace is anonymous so that no copy compiled for one instruction set is
// linked into another's place. For the same reason nothing of the standard library that could be
// emitted out of line is called here.

#include <cstring>

#include "kernels/gemm_kernel.h"

namespace weir::kernels {
namespace {

constexpr int kMaxTileCols = 128;

template <class V>
inline typename V::F exp_of(typename V::F x) {
  x = V::max(V::min(x, V::set(88.0f)), V::set(-87.0f));
  const auto n = V::round(V::mul(x, V::set(1.44269504f)));
  auto r = V::fma(n, V::set(-0.693359375f), x);
  r = V::fma(n, V::set(2.12194440e-4f), r);
  auto p = V::set(1.9875691500e-4f);
  p = V::fma(p, r, V::set(1.3981999507e-3f));
  p = V::fma(p, r, V::set(8.3334519073e-3f));
  p = V::fma(p, r, V::set(4.1665795894e-2f));
  p = V::fma(p, r, V::set(1.6666665459e-1f));
  p = V::fma(p, r, V::set(5.0000001201e-1f));
  p = V::add(V::fma(V::mul(r, r), p, r), V::set(1.0f));
  return V::mul(p, V::power_of_two(n));
}

/// erf by two polynomials, one of them in the exponent (N. Juffa's erff; 1 ulp of float32).
template <class V>
inline typename V::F erf_of(typename V::F a) {
  const auto t = V::abs(a);
  const auto s = V::mul(a, a);
  auto r = V::fma(V::set(-1.72853470e-5f), t, V::set(3.83197126e-4f));
  const auto u = V::fma(V::set(-3.88396438e-3f), t, V::set(2.42546219e-2f));
  r = V::fma(r, s, u);
  r = V::fma(r, t, V::set(-1.06777877e-1f));
  r = V::fma(r, t, V::set(-6.34846687e-1f));
  r = V::fma(r, t, V::set(-1.28717512e-1f));
  r = V::fma(r, t, V::sub(V::zero(), t));
  const auto large = V::copy_sign(V::sub(V::set(1.0f), exp_of<V>(r)), a);
  auto q = V::set(-5.96761703e-4f);
  q = V::fma(q, s, V::set(4.99119423e-3f));
  q = V::fma(q, s, V::set(-2.67681349e-2f));
  q = V::fma(q, s, V::set(1.12819925e-1f));
  q = V::fma(q, s, V::set(-3.76125336e-1f));
  q = V::fma(q, s, V::set(1.28379166e-1f));
  const auto small = V::fma(q, a, a);
  return V::select_greater(t, V::set(0.927734375f), large, small);
}

template <class V>
inline typename V::F gelu_of(typename V::F x) {
  const auto half = V::mul(x, V::set(0.5f));
  return V::fma(half, erf_of<V>(V::mul(x, V::set(0.707106781f))), half);
}

template <class V>
inline typename V::F gelu_tanh_of(typename V::F x) {
  // 0.5 (1 + tanh u) = 1 / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3)
  const auto inner = V::fma(V::mul(V::mul(x, x), x), V::set(0.044715f), x);
  const auto e = exp_of<V>(V::mul(inner, V::set(-1.59576912f)));
  return V::div(x, V::add(V::set(1.0f), e));
}

template <class V, class Out>
inline typename V::F apply(Epilogue epilogue, typename V::F sum, const Out* out) {
  switch (epilogue) {
    case Epilogue::none:
      break;
    case Epilogue::gelu:
      return gelu_of<V>(sum);
    case Epilogue::gelu_tanh:
      return gelu_tanh_of<V>(sum);
    case Epilogue::add:
      return V::add(sum, V::load(out));
  }
  return sum;
}

/// Stores a tile of sums, (rows, width), through bias and epilogue. Columns past `tile.cols` go to
/// a row of our own, so that an element passes through the same vector code wherever the matrix
/// ends.
template <class V, class Out>
void store_tile(const GemmTile& tile, const float* sums, int rows, int width) {
  const bool whole = tile.cols == width;
  alignas(64) Out staged[kMaxTileCols] = {};
  alignas(64) float staged_bias[kMaxTileCols] = {};
  const float* bias = tile.bias;
  if (bias && !whole) {
    std::memcpy(staged_bias, bias, sizeof(float) * static_cast<size_t>(tile.cols));
    bias = staged_bias;
  }
  for (int r = 0; r < rows; ++r) {
    Out* row = static_cast<Out*>(tile.out) + r * tile.out_stride;
    Out* target = whole ? row : staged;
    if (!whole && tile.epilogue == Epilogue::add)
      std::memcpy(staged, row, sizeof(Out) * static_cast<size_t>(tile.cols));
    for (int c = 0; c < width; c += V::kWidth) {
      auto sum = V::load(sums + r * width + c);
      if (bias) sum = V::add(sum, V::load(bias + c));
      V::store(target + c, apply<V>(tile.epilogue, sum, target + c));
    }
    if (!whole) std::memcpy(row, staged, sizeof(Out) * static_cast<size_t>(tile.cols));
  }
}

/// D multiplies: D::V the vectors, D::kParts the words of x a step takes, D::kPanelVectors vectors
/// a panel is wide, D::weight<part>(pointer), D::activation(pointer), D::multiply_add(x, w, sum).
template <class D, int kRows, int kPanels>
void run_tile(const GemmTile& tile) {
  using V = typename D::V;
  constexpr int kVectors = kPanels * D::kPanelVectors;
  constexpr int kStepBytes = D::kPanelVectors * V::kWidth * 4;
  typename V::F sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[r][v] = V::zero();

  const std::byte *w = tile.weight, *ahead = tile.ahead;
  const uint32_t* x = static_cast<const uint32_t*>(tile.x);
  for (int64_t s = 0; s < tile.steps; ++s) {
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 2
      for (int line = 0; line < kStepBytes; line += 64)
        __builtin_prefetch(ahead + p * tile.panel_bytes + line);
    ahead += tile.ahead_a_step;
#pragma GCC unroll 2
    for (int part = 0; part < D::kParts; ++part) {
      typename D::W weights[kVectors];
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p)
#pragma GCC unroll 4
        for (int v = 0; v < D::kPanelVectors; ++v)
          weights[p * D::kPanelVectors + v] =
              D::weight(w + p * tile.panel_bytes + v * V::kWidth * 4, part);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const auto value = D::activation(x + part * kRows + r);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v)
          sums[r][v] = D::multiply_add(value, weights[v], sums[r][v]);
      }
    }
    w += kStepBytes;
    x += D::kParts * kRows;
  }

  constexpr int kWidth = kVectors * V::kWidth;
  alignas(64) float stored[kRows * kWidth];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) V::store(stored + r * kWidth + v * V::kWidth, sums[r][v]);
  if (tile.out_type == DType::float32)
    store_tile<V, float>(tile, stored, kRows, kWidth);
  else
    store_tile<V, uint16_t>(tile, stored, kRows, kWidth);
}

template <class D>
int panels_of(int rows) {
  return rows <= D::kFourPanelRows ? 4 : rows <= D::kTwoPanelRows ? 2 : 1;
}

template <class D, int kRows>
GemmKernel::Tile tile_of_rows(int rows, int panels) {
  if (rows < kRows) {
    if constexpr (kRows > 1) return tile_of_rows<D, kRows - 1>(rows, panels);
  }
  if constexpr (kRows <= D::kFourPanelRows)
    if (panels == 4) return run_tile<D, kRows, 4>;
  if constexpr (kRows <= D::kTwoPanelRows)
    if (panels == 2) return run_tile<D, kRows, 2>;
  return run_tile<D, kRows, 1>;
}

template <class D>
GemmKernel::Tile tile_of(int rows, int panels) {
  return tile_of_rows<D, D::kMaxRows>(rows, panels);
}

}  // namespace
}  // namespace weir::kernels
