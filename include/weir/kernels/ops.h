#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "weir/kernels/act.h"
#include "weir/kernels/attention.h"
#include "weir/kernels/head_size.h"
#include "weir/kernels/lstm.h"
#include "weir/kernels/sample.h"
#include "weir/kernels/view.h"

namespace weir::kernels {

class PageFetch;
class ThreadPool;

/// How a row's tokens become one vector. weighted: a mean in which the token at place i (from 1)
/// weighs i. sqrt_length: their sum over the square root of their number.
enum class Pooling : uint8_t { mean, cls, last, max, weighted, sqrt_length };

struct PoolRule {
  Pooling pooling = Pooling::mean;
  bool normalize = false;  // the vector is divided by its 2-norm
  /// So many tokens at each row's beginning are not pooled, on the device, (rows); null: none. Of a
  /// row without others its last token is pooled.
  const int32_t* left_out = nullptr;
};

/// The operations a transformer needs beside matrix products, on one device. Shapes are given in
/// elements; outputs may not alias inputs unless said. float32 and bfloat16 activations; sums are
/// taken in float32 always. On the CPU a call returns when the result is there; on CUDA when it is
/// queued on the stream. Used by one thread (the step thread). Violated shapes are a broken belief,
/// not an error: they abort.
class Ops {
 public:
  virtual ~Ops() = default;

  /// Called once before a step's operations, with the attentions over pages that its layers have:
  /// work that they share. `uses` has no two that are equal. A graph that was captured in one step
  /// may be replayed in another that has the same shapes in the same order.
  virtual void begin_step(std::span<const PagedUse> uses) = 0;

  /// out[t] = table[ids[t]] (+ out[t] when `add`). ids on the device. out: (tokens, hidden)
  virtual void embed(Rows out, ConstRows table, const int32_t* ids, bool add) = 0;
  /// out[i] = x[indices[i]]. indices on the host.
  virtual void gather(Rows out, ConstRows x, std::span<const int32_t> indices) = 0;

  /// out = x / sqrt(mean(x^2) + eps) * weight, over the columns. weight: (cols) of x's type. out
  /// may be x.
  virtual void rms_norm(Rows out, ConstRows x, const void* weight, float eps) = 0;
  /// Each head of x normed in place as rms_norm does, with its own weights. x: (tokens, heads *
  /// head_dim); weight: (heads * head_dim) of x's type.
  virtual void rms_norm_heads(Rows x, const void* weight, int32_t head_dim, float eps) = 0;
  /// residual += x (rounded to its type), then out = rms_norm(residual).
  virtual void add_rms_norm(Rows out, Rows residual, ConstRows x, const void* weight,
                            float eps) = 0;
  /// out = layer_norm(x + residual) * weight + bias; `residual.data` null: without. out may be x.
  virtual void layer_norm(Rows out, ConstRows x, ConstRows residual, const void* weight,
                          const void* bias, float eps) = 0;

  /// Rotates heads in place, the halves way (rotate_half of Hugging Face's Llama). qk: (tokens,
  /// heads * head_dim); cos_sin: (max position, head_dim) float32, row p = cos of the half dims,
  /// then sin. positions on the device.
  virtual void rope(Rows qk, const int32_t* positions, const float* cos_sin, int32_t head_dim) = 0;
  /// Copies whole pages inside a layer's cache: pairs of (from, to), on the host. REQUIRES no page
  /// to be written twice, or both read and written.
  virtual void copy_pages(PagedKv cache, std::span<const int32_t> from_to) = 0;

  /// A hint: the next paged_attention of this step reads these rows' pages of `cache`, and products
  /// before it may bring them closer.
  virtual void expect_pages(PagedKv cache, const Ragged& ragged) = 0;
  /// Writes k and v, (tokens, kv_heads * head_dim) each, at each token's place in its pages:
  /// position kv_length - queries + j for token j of a row.
  virtual void write_pages(ConstRows k, ConstRows v, PagedKv cache, const Ragged& ragged) = 0;
  /// Writes `keys` as write_pages() does, or only reads where there are none; then attention of
  /// each row's queries over the first kv_length keys of its pages. Query j of a row stands at
  /// position kv_length - queries + j. If not causal, queries have no position: they see all keys.
  /// One call takes decode rows and prompt chunks mixed. q, out: (tokens, heads * head_dim). The
  /// result of a query does not depend on what else is in the step, nor on how its prompt was cut
  /// (on the CPU it is the same bits, with any number of threads). Pages before the window of every
  /// query of their row are not read, and may be missing (page_ids -1): the result is the same
  /// bits. REQUIRES q, keys, out and cache of one type, takes_heads_of(head_dim), and of attention
  /// that is not causal neither a window nor a bias.
  virtual void paged_attention(Rows out, ConstRows q, const NewKeys& keys, PagedKv cache,
                               const Ragged& ragged, const Attention& attention) = 0;
  /// Attention within each row, whose tokens are at positions 0, 1, ... q, k, v, out: (tokens,
  /// heads * head_dim). Only q_begin is read. REQUIRES one type, k and v of one stride,
  /// takes_heads_of(head_dim).
  virtual void ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v,
                                const Ragged& ragged, int32_t head_dim,
                                const Attention& attention) = 0;

  /// out = act(gate) * up; gate_up: (tokens, 2 * inner) with gate first. out: (tokens, inner).
  /// REQUIRES is_gate(act).
  virtual void gate(Rows out, ConstRows gate_up, Act act) = 0;
  /// x = act(x)
  virtual void activate(Rows x, Act act) = 0;

  /// The next states of a GRU cell, as PyTorch has it. Of the parts r, z and n of gates_x (W_ih x +
  /// b_ih) and gates_h (W_hh h + b_hh): r = sigmoid(x_r + h_r); z = sigmoid(x_z + h_z); n =
  /// tanh(x_n + r h_n); state_out = (1 - z) n + z state_in. All float32; gates: (rows, 3 width),
  /// states: (rows, width). state_out may be state_in.
  virtual void gru(Rows state_out, ConstRows gates_x, ConstRows gates_h, ConstRows state_in) = 0;

  /// One vector a row. out: (rows, hidden) float32
  virtual void pool(Rows out, ConstRows hidden, const Ragged& ragged, const PoolRule& rule) = 0;

  // Of heads, on the CPU only: a model whose head needs them is not loaded on another device.

  /// out[r] = the sum over k of weights[k] * x[k * out.rows + r]. weights on the host. out: (rows,
  /// cols) float32; x: (layers * rows, cols)
  virtual void mix(Rows out, ConstRows x, std::span<const float> weights) = 0;
  /// The states of an LSTM over each row's lines, which are [begins[i], begins[i + 1]). A line's
  /// bits depend on nothing but its row. gates: (lines, directions * 4 width) float32, W x + b of
  /// each direction; out: (lines, directions * width) float32
  virtual void lstm(Rows out, ConstRows gates, std::span<const int32_t> begins,
                    const Lstm& lstm) = 0;

  /// One id a row from logits (rows, vocabulary) float32 or bfloat16. `params` on the host, `out`
  /// on the device. The logits may be overwritten. A row of which no id can be told gives
  /// kLogitsAreBroken or kNothingToDraw and no logprobs. Ids that tie with the last of top_k or
  /// top_p are kept.
  virtual void sample(const SampleOut& out, Rows logits, std::span<const SampleRow> params) = 0;
};

/// Operations on the CPU, in chunks of `pool` (borrowed; it outlives the Ops). The instruction set
/// is `cpu_isa()`. What expect_pages() is told reaches products through `fetch` (borrowed; null: it
/// is dropped).
std::unique_ptr<Ops> make_cpu_ops(ThreadPool& pool, PageFetch* fetch = nullptr);

}  // namespace weir::kernels
