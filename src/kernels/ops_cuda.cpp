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

/// Attention of one shape, which FlashInfer has; `now`: planned for this step.
template <class Shape, class Attention>
struct Planned {
  Shape shape;
  std::unique_ptr<Attention> attention;
  bool now = false;
};

/// That of `shape`, made by make() where it is not `known`, planned; null where make() gives none.
template <class Shape, class Attention, class Make>
Attention* planned(std::vector<Planned<Shape, Attention>>& known, const Shape& shape,
                   const Ragged& ragged, Make&& make) {
  auto found = std::find_if(known.begin(), known.end(),
                            [&](const auto& entry) { return entry.shape == shape; });
  if (found == known.end()) {
    std::unique_ptr<Attention> attention = make();
    if (attention == nullptr) return nullptr;
    found = known.insert(known.end(), {shape, std::move(attention)});
  }
  if (!found->now) {
    found->attention->plan(ragged);
    found->now = true;
  }
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

  void begin_step(const Ragged& ragged, const PagedShape& shape) override {
    arguments_.begin_step();
    // Pages before the step's graph; what is asked for the first time in its first layer.
    for (auto& entry : paged_) {
      entry.now = entry.shape == shape;
      if (entry.now) entry.attention->plan(ragged);
    }
    for (auto& entry : ragged_) entry.now = false;  // no graph holds an encoder
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
  void paged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v, PagedKv cache,
                       const Ragged& ragged, float scale) override;

  void ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged,
                        int32_t head_dim, float scale) override;

  void silu_mul(Rows out, ConstRows gate_up) override {
    believe(gate_up.cols == 2 * out.cols && gate_up.rows == out.rows && gate_up.type == out.type,
            "silu_mul: gate_up (%" PRId64 ", %" PRId64 ") is twice as wide as out (%" PRId64
            ", %" PRId64 ")",
            gate_up.rows, gate_up.cols, out.rows, out.cols);
    if (out.rows > 0) cuda::silu_mul(out, gate_up, stream_);
  }
  void gelu(Rows x, bool tanh_form) override {
    if (x.rows > 0) cuda::gelu(x, tanh_form, stream_);
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

  cudaStream_t stream_;
  HostArguments arguments_;
  DeviceBuffer untouched_;  // logits as they came
  std::vector<Planned<PagedShape, PagedAttention>> paged_;
  std::vector<Planned<RaggedShape, RaggedAttention>> ragged_;
};

void CudaOps::paged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v, PagedKv cache,
                              const Ragged& ragged, float scale) {
  same_shape("paged_attention", out, q);
  check_new_keys("paged_attention", cache, k, v);
  believe(q.type == cache.type, "paged_attention: queries are %s, the cache %s", name_of(q.type),
          name_of(cache.type));
  believe(q.cols % (int64_t{cache.kv_heads} * cache.head_dim) == 0,
          "paged_attention: %" PRId64 " columns are heads of %d, a multiple of %d heads of keys",
          q.cols, cache.head_dim, cache.kv_heads);
  if (q.rows == 0) return;
  cuda::append(cache, k, v, ragged, stream_);
  const bool plain = q.type == DType::float32 || !cuda::aligned(q) || !cuda::aligned(out) ||
                     out.stride != out.cols;
  const PagedShape shape{static_cast<int32_t>(q.cols / cache.head_dim), cache.kv_heads,
                         cache.head_dim, cache.page_size};
  PagedAttention* flash =
      plain ? nullptr
            : planned(paged_, shape, ragged, [&] { return make_paged_attention(shape, stream_); });
  if (flash != nullptr) return flash->run(out, q, cache, ragged, scale);
  cuda::plain_paged_attention(out, q, cache, ragged, scale, stream_);
}

void CudaOps::ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v,
                               const Ragged& ragged, int32_t head_dim, float scale) {
  same_shape("ragged_attention", out, q);
  same_shape("ragged_attention", k, v);
  believe(q.type == k.type && q.rows == k.rows && k.stride == v.stride && k.cols % head_dim == 0 &&
              q.cols % k.cols == 0,
          "ragged_attention: q (%" PRId64 ", %" PRId64 ") and k (%" PRId64 ", %" PRId64
          ") are of one type and have heads of %d, k and v of one stride",
          q.rows, q.cols, k.rows, k.cols, head_dim);
  if (q.rows == 0) return;
  const RaggedShape shape{static_cast<int32_t>(q.cols / head_dim),
                          static_cast<int32_t>(k.cols / head_dim), head_dim};
  RaggedAttention* flash =
      q.type == DType::float32
          ? nullptr
          : planned(ragged_, shape, ragged, [&] { return make_ragged_attention(shape, stream_); });
  if (flash != nullptr) return flash->run(out, q, k, v, ragged, scale);
  cuda::plain_ragged_attention(out, q, k, v, ragged, head_dim, scale, stream_);
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
