// What operations of every device believe of their arguments' shapes.
#pragma once

#include <algorithm>
#include <span>

#include "kernels/check.h"
#include "weir/kernels/lstm.h"
#include "weir/kernels/sample.h"
#include "weir/kernels/view.h"

namespace weir::kernels {

inline const char* name_of(DType type) { return type == DType::float32 ? "float32" : "bfloat16"; }

inline void same_shape(const char* op, const ConstRows& a, const ConstRows& b) {
  believe(a.type == b.type, "%s: one side is %s, the other %s", op, name_of(a.type),
          name_of(b.type));
  believe(a.rows == b.rows && a.cols == b.cols,
          "%s: one side is (%" PRId64 ", %" PRId64 "), the other (%" PRId64 ", %" PRId64 ")", op,
          a.rows, a.cols, b.rows, b.cols);
}

/// Rows of heads whose halves belong together.
inline void check_whole_heads(const char* op, const ConstRows& x, int32_t head_dim) {
  believe(head_dim > 0 && head_dim % 2 == 0 && x.cols % head_dim == 0,
          "%s: %" PRId64 " columns are heads of %d, an even number", op, x.cols, head_dim);
}

inline void check_pool(const Rows& out, const ConstRows& hidden, const int32_t* q_begin,
                       int32_t rows) {
  believe(out.type == DType::float32 && out.rows == rows && out.cols == hidden.cols,
          "pool: out is float32 (%d, %" PRId64 "), not (%" PRId64 ", %" PRId64 ")", rows,
          hidden.cols, out.rows, out.cols);
  for (int32_t row = 0; row < rows; ++row)
    believe(q_begin[row] < q_begin[row + 1], "pool: row %d has no token", row);
}

inline void check_new_keys(const char* op, const PagedKv& cache, const ConstRows& k,
                           const ConstRows& v) {
  same_shape(op, k, v);
  believe(k.type == cache.type, "%s: keys are %s, the cache %s", op, name_of(k.type),
          name_of(cache.type));
  believe(k.cols == int64_t{cache.kv_heads} * cache.head_dim,
          "%s: %" PRId64 " columns of keys are %d heads of %d", op, k.cols, cache.kv_heads,
          cache.head_dim);
}

/// Also that every id is one of the vocabulary.
inline void check_sample(const SampleOut& out, const Rows& logits,
                         std::span<const SampleRow> params) {
  believe(logits.type == DType::float32, "sample: logits are %s", name_of(logits.type));
  believe(static_cast<int64_t>(params.size()) == logits.rows,
          "sample: %zu parameters for %" PRId64 " rows", params.size(), logits.rows);
  const auto check_id = [&](int32_t id) {
    believe(id >= 0 && id < logits.cols, "sample: id %d is in a vocabulary of %" PRId64, id,
            logits.cols);
  };
  for (const SampleRow& row : params) {
    for (const int32_t id : row.allowed) check_id(id);
    for (const LogitEdit& edit : row.edits) check_id(edit.id);
    if (row.given >= 0) check_id(row.given);
    believe(row.logprobs < 0 || (out.logprobs != nullptr && out.ranks != nullptr),
            "sample: a row wants logprobs, and there is no room for any");
    believe(row.logprobs <= out.top, "sample: a row wants %d logprobs, and there is room for %d",
            row.logprobs, out.top);
  }
}

inline void check_mix(const Rows& out, const ConstRows& x, int64_t layers) {
  believe(
      out.type == DType::float32 && out.cols == x.cols && layers > 0 && x.rows == layers * out.rows,
      "mix: out is float32 (%" PRId64 ", %" PRId64 "); x is (%" PRId64 ", %" PRId64 ") of %" PRId64
      " layers",
      out.rows, out.cols, x.rows, x.cols, layers);
}

inline void check_lstm(const Rows& out, const ConstRows& gates, std::span<const int32_t> begins,
                       const Lstm& lstm) {
  const int64_t states = int64_t{lstm.directions} * lstm.width;
  believe(lstm.width > 0 && (lstm.directions == 1 || lstm.directions == 2) &&
              out.type == DType::float32 && gates.type == DType::float32 && out.cols == states &&
              gates.cols == 4 * states && out.rows == gates.rows,
          "lstm: out (%" PRId64 ", %" PRId64 ") and gates (%" PRId64 ", %" PRId64
          ") are float32, of %d directions of width %d",
          out.rows, out.cols, gates.rows, gates.cols, lstm.directions, lstm.width);
  believe(!begins.empty() && begins.front() == 0 && begins.back() == out.rows &&
              std::is_sorted(begins.begin(), begins.end()),
          "lstm: the lines of the rows are not those of out, 0 to %" PRId64, out.rows);
}

}  // namespace weir::kernels
