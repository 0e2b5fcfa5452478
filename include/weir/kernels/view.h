#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::kernels {

enum class DType : uint8_t { float32, bfloat16 };

constexpr size_t size_of(DType type) { return type == DType::float32 ? 4 : 2; }

/// Rows of numbers that somebody else owns; on the device of the Ops that reads it. Row r begins `r
/// * stride` elements after `data`; elements of a row are contiguous. No alignment beyond the
/// element's is assumed.
struct Rows {
  void* data = nullptr;
  DType type = DType::float32;
  int64_t rows = 0, cols = 0, stride = 0;
};

struct ConstRows {
  const void* data = nullptr;
  DType type = DType::float32;
  int64_t rows = 0, cols = 0, stride = 0;
  ConstRows() = default;
  ConstRows(const void* d, DType t, int64_t r, int64_t c, int64_t s)
      : data(d), type(t), rows(r), cols(c), stride(s) {}
  ConstRows(const Rows& r)
      : data(r.data), type(r.type), rows(r.rows), cols(r.cols), stride(r.stride) {}
};

/// One layer's keys and values: (pages, kv_heads, page_size, head_dim), contiguous, each. In which
/// order one head's part of a page of keys lies is the affair of the Ops that wrote it.
struct PagedKv {
  void* keys = nullptr;
  void* values = nullptr;
  DType type = DType::float32;
  int32_t page_size = 0, kv_heads = 0, head_dim = 0;
};

/// How the rows of a step lie in the ragged (tokens, hidden) tensor and in pages. All arrays live
/// on the device of the Ops; `*_host` are the same numbers on the host. Two that compare equal have
/// the same arrays.
struct Ragged {
  int32_t rows = 0;                  // sequences in the step
  int32_t tokens = 0;                // query tokens in the step
  const int32_t* q_begin = nullptr;  // (rows + 1): tokens of row i are [q_begin[i], q_begin[i + 1])
  const int32_t* q_begin_host = nullptr;
  const int32_t* kv_length =
      nullptr;  // (rows): keys of row i after this step; the last query sees them all
  const int32_t* kv_length_host = nullptr;
  const int32_t* page_begin =
      nullptr;  // (rows + 1): pages of row i are page_ids[page_begin[i] ... page_begin[i + 1])
  const int32_t* page_begin_host = nullptr;
  const int32_t* page_ids = nullptr;   // -1: there is no such page, since no window reaches it
  const int32_t* positions = nullptr;  // (tokens): position of each query token in its sequence
  bool operator==(const Ragged&) const = default;
};

/// What attention over pages depends on beside the rows of a step: the sizes, and of an Attention
/// what a plan needs.
struct PagedShape {
  DType type = DType::float32;
  int32_t heads = 0, kv_heads = 0, head_dim = 0, page_size = 0;
  int32_t window = 0;
  bool causal = true, capped = false, biased = false;
  bool operator==(const PagedShape&) const = default;
};

}  // namespace weir::kernels
