// How keys lie in a page of the CPU's cache whose size is a multiple of kLineWords: by words of 32
// bits, a float32 or a pair of bfloat16. Word w of a head's keys is at (w * page size + slot), so
// that a vector holds one word of neighbouring keys and scores need no transposing. Everything is
// local to the including file, like simd_*.h.
#pragma once

#include <cstdint>
#include <cstring>

#include "weir/kernels/view.h"

namespace weir::kernels {
namespace {

constexpr int64_t kWordBytes = 4;
constexpr int kLineWords = 16;  // of a line of the processor's cache

/// Words of a head; of bfloat16 it has an even number of elements.
inline int64_t words_of(DType type, int64_t head_dim) {
  return head_dim * static_cast<int64_t>(size_of(type)) / kWordBytes;
}

/// `slot` is where the first word of this key's slot lies, `stride` the words between two of a key.
inline void write_key(void* slot, int64_t stride, const void* key, int64_t words) {
  for (int64_t w = 0; w < words; ++w)
    std::memcpy(static_cast<char*>(slot) + w * stride * kWordBytes,
                static_cast<const char*>(key) + w * kWordBytes, kWordBytes);
}

}  // namespace
}  // namespace weir::kernels
