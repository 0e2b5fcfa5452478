// Packing of the rows of x for a tile. Included after one simd_*.h, and local to the including file
// as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/bf16.h"

namespace weir::kernels {
namespace {

/// float32 as it is: (in, rows).
struct WordSource {
  using Element = float;
  static constexpr int kWordBytes = 4;  // of the source
  static int64_t whole_words(int64_t in) { return in; }
  static float word(const Element* row, int64_t i) { return row[i]; }
  static Vec vector(const Element* row, int64_t i) { return load(row + i); }
};

/// bfloat16 as float32: (in, rows), one more row of zeros where `in` is odd.
struct WidenedSource {
  using Element = bf16;
  static constexpr int kWordBytes = 2;
  static int64_t whole_words(int64_t in) { return in; }
  static float word(const Element* row, int64_t i) {
    return __builtin_bit_cast(float, uint32_t{row[i].bits} << 16);
  }
  static Vec vector(const Element* row, int64_t i) { return load(row + i); }
};

/// bfloat16 as pairs: (in / 2, rows), the last pair with a zero where `in` is odd.
struct PairSource {
  using Element = bf16;
  static constexpr int kWordBytes = 4;
  static int64_t whole_words(int64_t in) { return in / 2; }
  static float word(const Element* row, int64_t i) {
    return __builtin_bit_cast(float, uint32_t{row[2 * i + 1].bits} << 16 | row[2 * i].bits);
  }
  static Vec vector(const Element* row, int64_t i) {
    return load(reinterpret_cast<const float*>(row + 2 * i));
  }
};

template <class S>
void pack_rows(float* packed, const void* x, int64_t stride, int rows, int64_t in) {
  using Element = typename S::Element;
  const Element* source = static_cast<const Element*>(x);
  const int64_t words = S::whole_words(in);
  // Bytes: rows that another core wrote come slowly, and too many are read at once for the
  // processor to foresee them.
  constexpr int64_t kAhead = 256;
  int64_t i = 0;
  if (rows == 1)
    for (; i + kLanes <= words; i += kLanes) store(packed + i, S::vector(source, i));
  for (; rows > 1 && i + kLanes <= words; i += kLanes) {
    for (int r = 0; r < rows; ++r)
      __builtin_prefetch(reinterpret_cast<const std::byte*>(source + r * stride) +
                         i * S::kWordBytes + kAhead);
    Vec block[kLanes];
#pragma GCC unroll 16
    for (int r = 0; r < kLanes; ++r)
      block[r] = r < rows ? S::vector(source + r * stride, i) : zero();
    transpose(block);
#pragma GCC unroll 16
    for (int j = 0; j < kLanes; ++j) {
      // What a whole store writes too much is overwritten by the next; only the last have no next.
      constexpr bool kMasksAreFast = kLanes == 16;
      const int64_t at = (i + j) * rows;
      if (!kMasksAreFast && at + kLanes <= words * rows)
        store(packed + at, block[j]);
      else
        store(packed + at, block[j], rows);
    }
  }
  for (; i < words; ++i)
    for (int r = 0; r < rows; ++r) packed[i * rows + r] = S::word(source + r * stride, i);
  if constexpr (sizeof(Element) == sizeof(bf16)) {
    const bool pairs = words != in;
    if (in % 2 != 0)
      for (int r = 0; r < rows; ++r)
        packed[words * rows + r] =
            pairs ? __builtin_bit_cast(float, uint32_t{source[r * stride + in - 1].bits}) : 0.f;
  }
}

}  // namespace
}  // namespace weir::kernels
