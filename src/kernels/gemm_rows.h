#pragma once

// Packing of the rows of x, over a vector type V that can transpose V::kWidth of itself. Anonymous
// for the reason that gemm_tile.h gives.

#include <cstdint>
#include <cstring>

namespace weir::kernels {
namespace {

/// float32 as it is: (in, rows).
template <class V>
struct WordSource {
  using Element = float;
  static int64_t whole_words(int64_t in) { return in; }
  static uint32_t word(const Element* row, int64_t i) {
    uint32_t bits;
    std::memcpy(&bits, row + i, sizeof(bits));
    return bits;
  }
  static typename V::F vector(const Element* row, int64_t i) { return V::load(row + i); }
};

/// bfloat16 as float32: (in, rows), one more row of zeros where `in` is odd.
template <class V>
struct WidenedSource {
  using Element = uint16_t;
  static int64_t whole_words(int64_t in) { return in; }
  static uint32_t word(const Element* row, int64_t i) { return uint32_t{row[i]} << 16; }
  static typename V::F vector(const Element* row, int64_t i) { return V::load(row + i); }
};

/// bfloat16 as pairs: (in / 2, rows), the last pair with a zero where `in` is odd.
template <class V>
struct PairSource {
  using Element = uint16_t;
  static int64_t whole_words(int64_t in) { return in / 2; }
  static uint32_t word(const Element* row, int64_t i) {
    uint32_t pair;
    std::memcpy(&pair, row + 2 * i, sizeof(pair));
    return pair;
  }
  static typename V::F vector(const Element* row, int64_t i) {
    return V::load(reinterpret_cast<const float*>(row + 2 * i));
  }
};

template <class V, template <class> class Source>
void pack_rows(uint32_t* packed, const void* x, int64_t stride, int rows, int64_t in) {
  using S = Source<V>;
  using Element = typename S::Element;
  const Element* source = static_cast<const Element*>(x);
  const int64_t words = S::whole_words(in);
  int64_t i = 0;
  if (rows == 1) {
    for (; i + V::kWidth <= words; i += V::kWidth)
      V::store(reinterpret_cast<float*>(packed + i), S::vector(source, i));
  }
  for (; rows > 1 && i + V::kWidth <= words; i += V::kWidth) {
    typename V::F block[V::kWidth];
#pragma GCC unroll 16
    for (int r = 0; r < V::kWidth; ++r)
      block[r] = r < rows ? S::vector(source + r * stride, i) : V::zero();
    V::transpose(block);
#pragma GCC unroll 16
    for (int j = 0; j < V::kWidth; ++j) {
      // What a whole store writes too much is overwritten by the next; only the last have no next.
      const int64_t at = (i + j) * rows;
      if (!V::kMasksAreFast && at + V::kWidth <= words * rows)
        V::store(reinterpret_cast<float*>(packed + at), block[j]);
      else
        V::store_first(packed + at, block[j], rows);
    }
  }
  for (; i < words; ++i)
    for (int r = 0; r < rows; ++r) packed[i * rows + r] = S::word(source + r * stride, i);
  if constexpr (sizeof(Element) == 2) {
    const bool pairs = words != in;
    if (in % 2 != 0)
      for (int r = 0; r < rows; ++r)
        packed[words * rows + r] = pairs ? source[r * stride + in - 1] : 0;
  }
}

}  // namespace
}  // namespace weir::kernels
