// The register tile of a product and its epilogue. Included after one simd_*.h and simd_math.h;
// local to the including file as they are.
#pragma once

#include <cstring>

#include "kernels/bf16.h"
#include "kernels/gemm_kernel.h"

namespace weir::kernels {
namespace {

constexpr int kVectorBytes = kLanes * 4;
// Of cache: more fetches can be on their way there than to the first level, which is too small for
// a panel anyway.
constexpr int kSecondLevel = 2;

inline Vec acted(Act act, Vec x) {
  with_act(act, [&](auto f) { x = f(x); });
  return x;
}

/// Stores a tile of sums, (kRows, kWidth), through bias and epilogue. Columns past `tile.cols` go
/// to a row of our own, so that an element passes through the same vector code wherever the matrix
/// ends.
template <class Out, int kWidth>
void store_tile(const GemmTile& tile, const float* sums, int rows) {
  const bool whole = tile.cols == kWidth;
  Out staged[kWidth] = {};
  float staged_bias[kWidth] = {};
  const float* bias = tile.bias;
  if (bias && !whole) {
    std::memcpy(staged_bias, bias, sizeof(float) * static_cast<size_t>(tile.cols));
    bias = staged_bias;
  }
  for (int r = 0; r < rows; ++r) {
    Out* row = static_cast<Out*>(tile.out) + r * tile.out_stride;
    Out* target = whole ? row : staged;
    if (!whole && tile.epilogue.add)
      std::memcpy(staged, row, sizeof(Out) * static_cast<size_t>(tile.cols));
    for (int c = 0; c < kWidth; c += kLanes) {
      Vec sum = load(sums + r * kWidth + c);
      if (bias) sum = add(sum, load(bias + c));
      sum = acted(tile.epilogue.act, sum);
      if (tile.epilogue.add) sum = add(sum, load(target + c));
      store(target + c, sum);
    }
    if (!whole) std::memcpy(row, staged, sizeof(Out) * static_cast<size_t>(tile.cols));
  }
}

/// The same of a gated weight: (kRows, kWidth / 2) outputs, each vector of them after that of their
/// gates.
template <class Out, int kWidth>
void store_gated_tile(const GemmTile& tile, const float* sums, int rows) {
  constexpr int kOutputs = kWidth / 2;
  Out staged[kOutputs];
  float bias[kOutputs] = {}, gate_bias[kOutputs] = {};
  if (tile.bias) {
    std::memcpy(bias, tile.bias, sizeof(float) * static_cast<size_t>(tile.cols));
    std::memcpy(gate_bias, tile.gate_bias, sizeof(float) * static_cast<size_t>(tile.cols));
  }
  for (int r = 0; r < rows; ++r) {
    Out* row = static_cast<Out*>(tile.out) + r * tile.out_stride;
    Out* target = tile.cols == kOutputs ? row : staged;
    for (int c = 0; c < kOutputs; c += kLanes) {
      const float* pair = sums + r * kWidth + 2 * c;
      Vec gate = load(pair), sum = load(pair + kLanes);
      if (tile.bias) {
        gate = add(gate, load(gate_bias + c));
        sum = add(sum, load(bias + c));
      }
      store(target + c, mul(acted(tile.epilogue.act, gate), sum));
    }
    if (target == staged) std::memcpy(row, staged, sizeof(Out) * static_cast<size_t>(tile.cols));
  }
}

template <class Out, int kWidth>
void store_any_tile(const GemmTile& tile, const float* sums, int rows) {
  if (tile.epilogue.gated)
    store_gated_tile<Out, kWidth>(tile, sums, rows);
  else
    store_tile<Out, kWidth>(tile, sums, rows);
}

/// How a step multiplies is D's: `kParts` words of a row of x, `kPanelVectors` vectors a panel is
/// wide, D::weight(vector of the panel, part), D::activation(pointer) and D::multiply_add(x, w,
/// sum). Sums are (kRows, kVectors).
template <class D, int kRows, int kVectors>
[[gnu::always_inline]] inline void multiply_step(Vec (&sums)[kRows][kVectors], const Vec* panel,
                                                 const float* x) {
#pragma GCC unroll 2
  for (int part = 0; part < D::kParts; ++part) {
    Vec weights[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) weights[v] = D::weight(panel[v], part);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec value = D::activation(x + part * kRows + r);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v)
        sums[r][v] = D::multiply_add(value, weights[v], sums[r][v]);
    }
  }
}

template <int kRows, int kVectors>
[[gnu::always_inline]] inline void zero_sums(Vec (&sums)[kRows][kVectors]) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[r][v] = zero();
}

template <int kRows, int kVectors>
[[gnu::always_inline]] inline void store_sums(const GemmTile& tile, Vec (&sums)[kRows][kVectors]) {
  constexpr int kWidth = kVectors * kLanes;
  alignas(64) float stored[kRows * kWidth];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store(stored + r * kWidth + v * kLanes, sums[r][v]);
  if (tile.out_type == DType::float32)
    store_any_tile<float, kWidth>(tile, stored, kRows);
  else
    store_any_tile<bf16, kWidth>(tile, stored, kRows);
}

template <class D, int kRows, int kPanels>
void run_tile(const GemmTile& tile) {
  constexpr int kVectors = kPanels * D::kPanelVectors;
  constexpr int kStepBytes = D::kPanelVectors * kVectorBytes;
  Vec sums[kRows][kVectors];
  zero_sums(sums);
  const std::byte *w = tile.weight, *ahead = tile.ahead;
  const std::byte *keys = tile.pages[0], *values = tile.pages[1];
  const float* x = tile.x;
  for (int64_t s = 0; s < tile.steps; ++s) {
    Vec panel[kVectors];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 2
      for (int line = 0; line < kStepBytes; line += 64)
        __builtin_prefetch(ahead + p * tile.panel_bytes + line, 0, kSecondLevel);
#pragma GCC unroll 4
      for (int v = 0; v < D::kPanelVectors; ++v)
        panel[p * D::kPanelVectors + v] =
            load(reinterpret_cast<const float*>(w + p * tile.panel_bytes + v * kVectorBytes));
    }
    ahead += tile.ahead_a_step;
    __builtin_prefetch(keys, 0, kSecondLevel);
    __builtin_prefetch(values, 0, kSecondLevel);
    keys += tile.pages_a_step;
    values += tile.pages_a_step;
    multiply_step<D>(sums, panel, x);
    w += kStepBytes;
    x += D::kParts * kRows;
  }
  store_sums(tile, sums);
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

template <class D>
constexpr GemmKernel kernel_of(DType type, decltype(GemmKernel::pack_rows) pack,
                               decltype(GemmKernel::coded_tile) coded_tile = nullptr) {
  return {.type = type,
          .panel_cols = D::kPanelVectors * kLanes,
          .max_rows = D::kMaxRows,
          .inputs_a_step = type == DType::float32 ? 1 : 2,
          .words_a_step = D::kParts,
          .ops_a_nanosecond = 100,
          .group_bytes = 192 << 10,
          .pack_rows = pack,
          .panels = panels_of<D>,
          .tile = tile_of<D>,
          .coded_tile = coded_tile,
          .enter = nullptr,
          .leave = nullptr};
}

/// The step of float32, with the rows of a tile at most, and of one that takes two or four panels.
template <int kMost, int kMostOfTwo, int kMostOfFour>
struct Float32Step {
  static constexpr int kParts = 1, kPanelVectors = 2;
  static constexpr int kMaxRows = kMost, kTwoPanelRows = kMostOfTwo, kFourPanelRows = kMostOfFour;

  static Vec weight(Vec panel, int) { return panel; }
  static Vec activation(const float* p) { return set1(*p); }
  static Vec multiply_add(Vec x, Vec w, Vec sum) { return fma(x, w, sum); }
};

}  // namespace
}  // namespace weir::kernels
