#include <algorithm>
#include <cstring>

#include "kernels/cuda_kernels.h"
#include "kernels/cuda_memory.h"
#include "kernels/cuda_paged.h"
#include "kernels/cuda_ragged.h"
#include "kernels/philox.h"
#include "kernels/shapes.h"
#include "weir/kernels/cuda_ops.h"

namespace weir::kernels {
namespace {

/// Attention of one shape by FlashInfer; null where it has none. `now`: what it is planned for in
/// this step; no rows: nothing.
template <class Shape, class Attend>
struct Planned {
  Shape shape;
  std::unique_ptr<Attend> attention;
  Ragged now = {};
};

/// That of `shape` for the rows of `ragged`, planned: one that is planned so, or one that is not
/// yet planned in this step, made by make() where there is none.
template <class Shape, class Attend, class Make>
Attend* planned(std::vector<Planned<Shape, Attend>>& known, const Shape& shape,
                const Ragged& ragged, Make&& make) {
  const auto find = [&](const Ragged& now) {
    return std::find_if(known.begin(), known.end(), [&](const auto& entry) {
      return entry.shape == shape && entry.now == now;
    });
  };
  if (const auto found = find(ragged); found != known.end()) return found->attention.get();
  auto found = find({});
  if (found == known.end()) found = known.insert(known.end(), {shape, make()});
  if (found->attention == nullptr) return nullptr;
  found->attention->plan(ragged);
  found->now = ragged;
  return found->attention.get();
}

template <class T>
cuda::Part append(std::vector<T>& all, std::span<const T> more) {
  const auto begin = static_cast<int32_t>(all.size());
  all.insert(all.end(), more.begin(), more.end());
  return {begin, static_cast<int32_t>(all.size())};
}

class CudaOps final : public Ops {
 public:
  explicit CudaOps(cudaStream_t stream) : stream_(stream), arguments_(stream) {
    cuda::check_device();
  }

  void begin_step(std::span<const PagedUse> uses) override {
    arguments_.begin_step();
    for (auto& entry : paged_) entry.now = {};
    for (auto& entry : ragged_) entry.now = {};  // planned in their first layer: no graph has one
    // Before the step's graph. Of one shape the uses take the same plans in every step.
    for (const PagedUse& use : uses)
      if (use.ragged->tokens > 0) plan(use.shape, *use.ragged);
  }

  void embed(Rows out, ConstRows table, const int32_t* ids, bool add) override {
    take("embed", out, table, ids, add);
  }
  void gather(Rows out, ConstRows x, std::span<const int32_t> indices) override {
    believe(static_cast<int64_t>(indices.size()) == out.rows,
            "gather: %zu indices for %" PRId64 " rows", indices.size(), out.rows);
    if (out.rows == 0) return;
    take("gather", out, x,
         static_cast<int32_t*>(arguments_.put(indices.data(), indices.size_bytes())), false);
  }

  void rms_norm(Rows out, ConstRows x, const void* weight, float eps) override {
    same_shape("rms_norm", out, x);
    if (x.rows > 0) cuda::rms_norm(out, {}, x, weight, eps, stream_);
  }
  void rms_norm_heads(Rows x, const void* weight, int32_t head_dim, float eps) override {
    check_whole_heads("rms_norm_heads", x, head_dim);
    if (x.rows > 0) cuda::rms_norm_heads(x, weight, head_dim, eps, stream_);
  }
  void add_rms_norm(Rows out, Rows residual, ConstRows x, const void* weight, float eps) override {
    same_shape("add_rms_norm", out, x);
    same_shape("add_rms_norm", residual, x);
    if (x.rows > 0) cuda::rms_norm(out, residual, x, weight, eps, stream_);
  }
  void layer_norm(Rows out, ConstRows x, ConstRows residual, const void* weight, const void* bias,
                  float eps) override {
    same_shape("layer_norm", out, x);
    if (residual.data != nullptr) same_shape("layer_norm", residual, x);
    if (x.rows > 0) cuda::layer_norm(out, x, residual, weight, bias, eps, stream_);
  }

  void rope(Rows qk, const int32_t* positions, const float* cos_sin, int32_t head_dim) override {
    check_whole_heads("rope", qk, head_dim);
    if (qk.rows > 0) cuda::rope(qk, positions, cos_sin, head_dim, stream_);
  }

  void copy_pages(PagedKv cache, std::span<const int32_t> from_to) override {
    believe(from_to.size() % 2 == 0, "copy_pages: %zu numbers are pairs", from_to.size());
    if (from_to.empty()) return;
    auto* pairs = static_cast<int32_t*>(arguments_.put(from_to.data(), from_to.size_bytes()));
    cuda::copy_pages(cache, pairs, static_cast<int32_t>(from_to.size() / 2), stream_);
  }

  void expect_pages(PagedKv, const Ragged&) override {}
  void write_pages(ConstRows k, ConstRows v, PagedKv cache, const Ragged& ragged) override {
    check_new_keys("write_pages", cache, k, v);
    if (k.rows > 0) cuda::append(cache, k, v, ragged, stream_);
  }
  void paged_attention(Rows out, ConstRows q, const NewKeys& keys, PagedKv cache,
                       const Ragged& ragged, const Attention& attention) override;

  void ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged,
                        int32_t head_dim, const Attention& attention) override;

  void gate(Rows out, ConstRows gate_up, Act act) override {
    check_gate(out, gate_up, act);
    if (out.rows > 0) cuda::gate(out, gate_up, act, stream_);
  }
  void activate(Rows x, Act act) override {
    if (x.rows > 0) cuda::activate(x, act, stream_);
  }

  void gru(Rows state_out, ConstRows gates_x, ConstRows gates_h, ConstRows state_in) override {
    check_gru(state_out, gates_x, gates_h, state_in);
    if (state_out.rows > 0) cuda::gru(state_out, gates_x, gates_h, state_in, stream_);
  }

  void mix(Rows, ConstRows, std::span<const float>) override {
    believe(false, "mix: layers are mixed on processors only");
  }
  void lstm(Rows, ConstRows, std::span<const int32_t>, const Lstm&) override {
    believe(false, "lstm: it is computed on processors only");
  }

  void pool(Rows out, ConstRows hidden, const Ragged& ragged, const PoolRule& rule) override {
    check_pool(out, hidden, ragged.q_begin_host, ragged.rows);
    if (out.rows > 0) cuda::pool(out, hidden, ragged.q_begin, rule, stream_);
  }

  void sample(const SampleOut& out, Rows logits, std::span<const SampleRow> params) override;

 private:
  void take(const char* op, Rows out, ConstRows x, const int32_t* indices, bool add) {
    believe(out.cols == x.cols, "%s: rows of %" PRId64 " become rows of %" PRId64, op, x.cols,
            out.cols);
    if (out.rows > 0) cuda::take(out, x, indices, add, stream_);
  }

  /// The numbers of `list` on the device.
  template <class T>
  const T* put(const std::vector<T>& list) {
    return static_cast<const T*>(arguments_.put(list.data(), list.size() * sizeof(T)));
  }
  const float* copy(const Rows& logits);

  PagedAttention* plan(const PagedShape& shape, const Ragged& ragged) {
    return planned(paged_, shape, ragged, [&] { return make_paged_attention(shape, stream_); });
  }

  cudaStream_t stream_;
  HostArguments arguments_;
  DeviceBuffer untouched_;  // logits as they came
  std::vector<Planned<PagedShape, PagedAttention>> paged_;
  std::vector<Planned<RaggedShape, RaggedAttention>> ragged_;
};

void CudaOps::paged_attention(Rows out, ConstRows q, const NewKeys& keys, PagedKv cache,
                              const Ragged& ragged, const Attention& attention) {
  check_paged_attention(out, q, keys, cache, attention);
  if (q.rows == 0) return;
  if (!keys.empty()) cuda::append(cache, keys.k, keys.v, ragged, stream_);
  const bool plain = !cuda::aligned(q) || !cuda::aligned(out) || out.stride != out.cols;
  const PagedShape shape{.type = cache.type,
                         .heads = static_cast<int32_t>(q.cols / cache.head_dim),
                         .kv_heads = cache.kv_heads,
                         .head_dim = cache.head_dim,
                         .page_size = cache.page_size,
                         .window = attention.window,
                         .causal = attention.causal,
                         .capped = attention.soft_cap > 0,
                         .biased = attention.bias.data != nullptr};
  PagedAttention* flash = plain ? nullptr : plan(shape, ragged);
  if (flash != nullptr) return flash->run(out, q, cache, ragged, attention);
  cuda::plain_paged_attention(out, q, cache, ragged, attention, stream_);
}

void CudaOps::ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v,
                               const Ragged& ragged, int32_t head_dim, const Attention& attention) {
  check_ragged_attention(out, q, k, v, head_dim, attention);
  if (q.rows == 0) return;
  const RaggedShape shape{static_cast<int32_t>(q.cols / head_dim),
                          static_cast<int32_t>(k.cols / head_dim), head_dim};
  const bool plain = q.type == DType::float32 || attention.causal || attention.window > 0 ||
                     attention.soft_cap > 0 || attention.bias.data != nullptr;
  RaggedAttention* flash = plain ? nullptr : planned(ragged_, shape, ragged, [&] {
    return make_ragged_attention(shape, stream_);
  });
  if (flash != nullptr) return flash->run(out, q, k, v, ragged, attention.scale);
  cuda::plain_ragged_attention(out, q, k, v, ragged, head_dim, attention, stream_);
}

void CudaOps::sample(const SampleOut& out, Rows logits, std::span<const SampleRow> params) {
  check_sample(out, logits, params);
  if (params.empty()) return;
  std::vector<cuda::Draw> draws;
  std::vector<int32_t> allowed;
  std::vector<LogitEdit> edits;
  bool tells = false;
  for (const SampleRow& row : params) {
    draws.push_back({.inverse_temperature = row.greedy() ? 0 : 1 / row.temperature,
                     .least = std::min(row.min_p, 1.f),
                     .top_p = row.top_p,
                     .uniform = uniform(row.seed, row.draw),
                     .top_k = row.top_k,
                     .allowed = append(allowed, row.allowed),
                     .edits = append(edits, row.edits),
                     .given = row.given,
                     .logprobs = row.logprobs});
    tells = tells || row.logprobs >= 0;
  }
  cuda::SampleLists lists{.draws = put(draws), .allowed = put(allowed), .edits = put(edits)};
  if (tells) lists.untouched = copy(logits);
  cuda::sample(out, logits, lists, stream_);
}

const float* CudaOps::copy(const Rows& logits) {
  const auto line = static_cast<size_t>(logits.cols) * sizeof(float),
             rows = static_cast<size_t>(logits.rows);
  if (untouched_.bytes() < rows * line) untouched_ = DeviceBuffer(rows * line);
  cuda_check(cudaMemcpy2DAsync(untouched_.data(), line, logits.data,
                               static_cast<size_t>(logits.stride) * sizeof(float), line, rows,
                               cudaMemcpyDeviceToDevice, stream_),
             "copy of the logits");
  return reinterpret_cast<const float*>(untouched_.data());
}

}  // namespace

std::unique_ptr<PagedAttention> make_paged_attention(PagedShape shape, void* stream) {
  if (shape.type == DType::float32 || shape.biased || (shape.capped && !shape.causal))
    return nullptr;
  switch (shape.head_dim) {
    case 64:
      return make_paged_attention_64(shape, stream);
    case 128:
      return make_paged_attention_128(shape, stream);
    case 256:
      return make_paged_attention_256(shape, stream);
    default:
      return nullptr;
  }
}

std::unique_ptr<Ops> make_cuda_ops(void* stream) {
  return std::make_unique<CudaOps>(static_cast<cudaStream_t>(stream));
}

}  // namespace weir::kernels
