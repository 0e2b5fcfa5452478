// What operations of every device believe of their arguments' shapes.
#pragma once

#include <algorithm>
#include <span>

#include "kernels/check.h"
#include "weir/kernels/act.h"
#include "weir/kernels/attention.h"
#include "weir/kernels/head_size.h"
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

inline void check_gate(const Rows& out, const ConstRows& gate_up, Act act) {
  believe(is_gate(act), "gate: an act is one of gelu, gelu_tanh, relu and silu");
  believe(gate_up.cols == 2 * out.cols && gate_up.rows == out.rows && gate_up.type == out.type,
          "gate: gate_up (%" PRId64 ", %" PRId64 ") is twice as wide as out (%" PRId64 ", %" PRId64
          ")",
          gate_up.rows, gate_up.cols, out.rows, out.cols);
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

inline void check_attention(const char* op, const Attention& attention) {
  const auto& [scale, soft_cap, window, causal, bias] = attention;
  believe(soft_cap >= 0 && window >= 0 && bias.left >= 0 && bias.right >= 0,
          "%s: a soft cap of %g, a window of %d and a bias to %d and %d are not negative", op,
          static_cast<double>(soft_cap), window, bias.left, bias.right);
}

inline void check_heads(const char* op, const ConstRows& q, int64_t kv_heads, int32_t head_dim) {
  believe(takes_heads_of(head_dim), "%s: heads of %d; even numbers to %d are taken", op, head_dim,
          kMaxHeadDim);
  believe(kv_heads > 0 && q.cols % (kv_heads * head_dim) == 0,
          "%s: %" PRId64 " columns of q are heads of %d, a multiple of %" PRId64 " heads of keys",
          op, q.cols, head_dim, kv_heads);
}

inline void check_paged_attention(const Rows& out, const ConstRows& q, const NewKeys& keys,
                                  const PagedKv& cache, const Attention& attention) {
  constexpr const char* kOp = "paged_attention";
  same_shape(kOp, out, q);
  if (!keys.empty()) check_new_keys(kOp, cache, keys.k, keys.v);
  believe(q.type == cache.type, "%s: queries are %s, the cache %s", kOp, name_of(q.type),
          name_of(cache.type));
  check_heads(kOp, q, cache.kv_heads, cache.head_dim);
  check_attention(kOp, attention);
  believe(attention.causal || (attention.window == 0 && attention.bias.data == nullptr),
          "%s: queries without a position have no window and no bias", kOp);
}

inline void check_ragged_attention(const Rows& out, const ConstRows& q, const ConstRows& k,
                                   const ConstRows& v, int32_t head_dim,
                                   const Attention& attention) {
  constexpr const char* kOp = "ragged_attention";
  same_shape(kOp, out, q);
  same_shape(kOp, k, v);
  believe(q.type == k.type && q.rows == k.rows && k.stride == v.stride && k.cols % head_dim == 0,
          "%s: q (%" PRId64 ", %" PRId64 ") and k (%" PRId64 ", %" PRId64
          ") are of one type and have heads of %d, k and v of one stride",
          kOp, q.rows, q.cols, k.rows, k.cols, head_dim);
  check_heads(kOp, q, k.cols / head_dim, head_dim);
  check_attention(kOp, attention);
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

inline void check_gru(const Rows& out, const ConstRows& x, const ConstRows& h,
                      const ConstRows& in) {
  same_shape("gru", out, in);
  same_shape("gru", x, h);
  believe(out.type == DType::float32 && x.type == DType::float32 && x.rows == out.rows &&
              x.cols == 3 * out.cols,
          "gru: states (%" PRId64 ", %" PRId64 ") have gates (%" PRId64 ", %" PRId64
          "), three times as wide; all are float32",
          out.rows, out.cols, x.rows, x.cols);
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
