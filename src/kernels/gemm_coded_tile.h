// The tile of a coded panel in AVX-512. Included after gemm_tile.h; local to the including file as
// it is.
#pragma once

#include "kernels/coded_panel.h"
#include "kernels/gemm_tile.h"

namespace weir::kernels {
namespace {

/// The book in every lane of sixteen bytes.
inline __m512i load_book(const CodedHead& head) {
  return _mm512_broadcast_i32x4(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(head.book.data())));
}

/// Step 0 or 1 of a unit.
inline void decode(Vec (&out)[kStepVectors], const std::byte* unit, int step, __m512i book) {
  const __m512i low = _mm512_loadu_si512(unit + kCodedVectorBytes * step);
  const __m512i codes =
      _mm512_srli_epi16(_mm512_loadu_si512(unit + kCodedVectorBytes * kUnitSteps), 4 * step);
  const __m512i high = _mm512_shuffle_epi8(book, _mm512_and_si512(codes, _mm512_set1_epi8(15)));
  out[0] = _mm512_castsi512_ps(_mm512_unpacklo_epi8(low, high));
  out[1] = _mm512_castsi512_ps(_mm512_unpackhi_epi8(low, high));
}

/// Writes the escapes of step `index` over its numbers; the first escape after them.
[[gnu::always_inline]] inline const Escape* mend(Vec (&step)[kStepVectors], const Escape* escape,
                                                 uint32_t index) {
  alignas(64) bf16 numbers[kStepVectors * kLanes * 2];
  auto* words = reinterpret_cast<float*>(numbers);
#pragma GCC unroll 2
  for (int v = 0; v < kStepVectors; ++v) store(words + v * kLanes, step[v]);
  for (; escape->step == index; ++escape) numbers[escape->place] = escape->value;
#pragma GCC unroll 2
  for (int v = 0; v < kStepVectors; ++v) step[v] = load(words + v * kLanes);
  return escape;
}

/// The tile of a coded panel. Its steps come from memory once, and are written to tile.decoded for
/// the blocks of rows that follow.
template <class D, int kRows>
void run_coded_tile(const GemmTile& tile) {
  static_assert(D::kPanelVectors == kStepVectors && kVectorBytes == kCodedVectorBytes);
  constexpr int kUnitBytes = kUnitVectors * kCodedVectorBytes;
  Vec sums[kRows][kStepVectors];
  zero_sums(sums);
  const auto* head = reinterpret_cast<const CodedHead*>(tile.weight);
  const __m512i book = load_book(*head);
  const Escape* escape = tile.escapes + head->first_escape;
  const std::byte *unit = tile.weight + sizeof(CodedHead), *ahead = tile.ahead;
  const std::byte *keys = tile.pages[0], *values = tile.pages[1];
  std::byte* decoded = tile.decoded;
  const float* x = tile.x;
  const auto steps = static_cast<uint32_t>(tile.steps);
  for (uint32_t begin = 0; begin < steps; begin += kUnitSteps) {
#pragma GCC unroll 3
    for (int line = 0; line < kUnitBytes; line += 64) {
      if (decoded)
        __builtin_prefetch(ahead + line, 0, kSecondLevel);
      else
        __builtin_prefetch(ahead + line);  // is read soon
    }
    ahead += kUnitSteps * tile.ahead_a_step;
    __builtin_prefetch(keys, 0, kSecondLevel);
    __builtin_prefetch(values, 0, kSecondLevel);
    keys += kUnitSteps * tile.pages_a_step;
    values += kUnitSteps * tile.pages_a_step;
#pragma GCC unroll 2
    for (int s = 0; s < kUnitSteps; ++s) {
      Vec step[kStepVectors];
      decode(step, unit, s, book);
      if (escape->step == begin + s) [[unlikely]]
        escape = mend(step, escape, begin + s);
      if (decoded) {
#pragma GCC unroll 2
        for (int v = 0; v < kStepVectors; ++v, decoded += kVectorBytes)
          store(reinterpret_cast<float*>(decoded), step[v]);
      }
      multiply_step<D>(sums, step, x);
      x += D::kParts * kRows;
    }
    unit += kUnitBytes;
  }
  store_sums(tile, sums);
}

template <class D, int kRows = D::kMaxRows>
GemmKernel::Tile coded_tile_of(int rows) {
  if (rows < kRows) {
    if constexpr (kRows > 1) return coded_tile_of<D, kRows - 1>(rows);
  }
  return run_coded_tile<D, kRows>;
}

}  // namespace
}  // namespace weir::kernels
