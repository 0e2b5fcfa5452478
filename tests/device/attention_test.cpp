#include <algorithm>
#include <numeric>

#include "device/device.h"

namespace weir::kernels::testing {
namespace {

class DeviceAttention : public DeviceOps {};
INSTANTIATE_TEST_SUITE_P(Cuda, DeviceAttention, ::testing::Values(DType::float32, DType::bfloat16),
                         type_name);

struct Length {
  int32_t queries, keys;
};

/// A step's rows over scattered pages, on both sides. A row's pages are exactly those of its keys.
struct Step {
  Step(const std::vector<Length>& lengths, int32_t page_size, std::mt19937& random) {
    q_begin.push_back(0);
    page_begin.push_back(0);
    for (const Length& length : lengths) {
      q_begin.push_back(q_begin.back() + length.queries);
      kv_length.push_back(length.keys);
      page_begin.push_back(page_begin.back() + (length.keys + page_size - 1) / page_size);
      for (int32_t i = 0; i < length.queries; ++i)
        positions.push_back(length.keys - length.queries + i);
    }
    page_ids.resize(static_cast<size_t>(page_begin.back()));
    std::iota(page_ids.begin(), page_ids.end(), 0);
    std::shuffle(page_ids.begin(), page_ids.end(), random);
    for (auto* list : {&q_begin, &kv_length, &page_begin, &page_ids, &positions})
      there.push_back(std::make_unique<There>(*list));
  }
  Ragged ragged(bool on_device) {
    Ragged view{.rows = static_cast<int32_t>(kv_length.size()), .tokens = q_begin.back()};
    auto at = [&](size_t i, std::vector<int32_t>& list) {
      return on_device ? there[i]->as<int32_t>() : list.data();
    };
    view.q_begin = at(0, q_begin);
    view.kv_length = at(1, kv_length);
    view.page_begin = at(2, page_begin);
    view.page_ids = at(3, page_ids);
    view.positions = at(4, positions);
    view.q_begin_host = q_begin.data();
    view.kv_length_host = kv_length.data();
    view.page_begin_host = page_begin.data();
    return view;
  }
  int32_t pages() const { return page_begin.back(); }

  std::vector<int32_t> q_begin, kv_length, page_begin, page_ids, positions;
  std::vector<std::unique_ptr<There>> there;
};

struct Heads {
  int32_t heads, kv_heads, head_dim;
};
constexpr Heads kHeads[] = {{9, 3, 64},  {4, 4, 64},  {8, 1, 128}, {4, 2, 128},
                            {7, 1, 128}, {4, 1, 256}, {6, 2, 16},  {3, 1, 80}};
constexpr int32_t kPageSize = 16;

/// k and v of all keys of `lengths`, appended row by row, then attention of the last queries.
class Attended {
 public:
  Attended(DType type, Heads heads, const std::vector<Length>& lengths, std::mt19937& random)
      : heads_(heads),
        step_(lengths, kPageSize, random),
        keys_(type, int64_t{step_.pages()} * heads.kv_heads * kPageSize, heads.head_dim),
        values_(keys_),
        qkv_(Matrix(type, step_.ragged(false).tokens, columns(heads)).fill(random)),
        out_(type, step_.ragged(false).tokens, int64_t{heads.heads} * heads.head_dim) {
    keys_.fill(random);
    values_.fill(random);
  }
  static int64_t columns(Heads h) { return int64_t{h.heads + 2 * h.kv_heads} * h.head_dim; }

  void run(Ops& ops, Rows qkv, Rows out, PagedKv cache, const Ragged& ragged) {
    int64_t q = int64_t{heads_.heads} * heads_.head_dim,
            kv = int64_t{heads_.kv_heads} * heads_.head_dim;
    ops.begin_step(ragged);
    ops.paged_attention(out, part(qkv, 0, q), part(qkv, q, kv), part(qkv, q + kv, kv), cache,
                        ragged, 1 / std::sqrt(static_cast<float>(heads_.head_dim)));
  }
  Matrix on_cpu(Ops& ops) {
    Matrix keys = keys_, values = values_, out = out_;
    run(ops, qkv_.rows(), out.rows(), cache(keys.data(), values.data()), step_.ragged(false));
    return out;
  }
  Matrix on_cuda(Ops& ops) {
    Matrix keys = keys_, values = values_, out = out_;
    There keys_there(keys), values_there(values), qkv_there(qkv_), out_there(out);
    run(ops, qkv_there.rows(), out_there.rows(),
        cache(keys_there.as<void>(), values_there.as<void>()), step_.ragged(true));
    out_there.back();
    return out;
  }

 private:
  PagedKv cache(void* keys, void* values) const {
    return {keys, values, qkv_.type(), kPageSize, heads_.kv_heads, heads_.head_dim};
  }
  static Rows part(Rows rows, int64_t first, int64_t count) {
    rows.data = static_cast<char*>(rows.data) + first * static_cast<int64_t>(size_of(rows.type));
    rows.cols = count;
    return rows;
  }

  Heads heads_;
  Step step_;
  Matrix keys_, values_, qkv_, out_;
};

TEST_P(DeviceAttention, DecodeRows) {
  for (Heads heads : kHeads)
    for (const std::vector<Length>& lengths : {std::vector<Length>{{1, 1}},
                                               {{1, 16}, {1, 17}, {1, 300}},
                                               {{1, 2000}, {1, 5}},
                                               std::vector<Length>(70, {1, 40})}) {
      Attended attended(type(), heads, lengths, random_);
      expect_same(attended.on_cuda(*cuda_), attended.on_cpu(*cpu_), "decode", 2);
    }
}

TEST_P(DeviceAttention, PromptsChunksAndDecodeRowsMixed) {
  for (Heads heads : kHeads)
    for (const std::vector<Length>& lengths : {std::vector<Length>{{40, 40}},
                                               {{1, 33}, {50, 50}, {20, 120}, {1, 1}},
                                               {{3, 700}, {130, 130}},
                                               {{600, 600}}}) {
      Attended attended(type(), heads, lengths, random_);
      expect_same(attended.on_cuda(*cuda_), attended.on_cpu(*cpu_), "mixed", 2);
    }
}

TEST_P(DeviceAttention, RaggedBothWays) {
  for (int32_t head_dim : {12, 32, 64})
    for (int32_t group : {1, 3}) {
      int64_t q_cols = int64_t{2} * group * head_dim, kv_cols = 2 * head_dim;
      std::vector<int32_t> begin = {0, 1, 40, 57};
      Matrix q = random(57, q_cols, 2), k = random(57, kv_cols, 4), v = random(57, kv_cols, 4);
      Matrix cpu(type(), 57, q_cols, 1), cuda = cpu;
      There q_there(q), k_there(k), v_there(v), cuda_there(cuda), begin_there(begin);
      Ragged ragged{.rows = 3, .tokens = 57, .q_begin = begin.data(), .q_begin_host = begin.data()},
          there = ragged;
      there.q_begin = begin_there.as<int32_t>();
      cpu_->ragged_attention(cpu.rows(), q.rows(), k.rows(), v.rows(), ragged, head_dim, 0.2f);
      cuda_->ragged_attention(cuda_there.rows(), q_there.rows(), k_there.rows(), v_there.rows(),
                              there, head_dim, 0.2f);
      cuda_there.back();
      expect_same(cuda, cpu, "ragged", 2);
    }
}

TEST_P(DeviceAttention, CopiedPages) {
  Matrix keys = random(6 * 2 * 4, 8), values = random(6 * 2 * 4, 8), keys_cuda = keys,
         values_cuda = values;
  There keys_there(keys_cuda), values_there(values_cuda);
  std::vector<int32_t> from_to = {0, 5, 2, 3};
  cpu_->copy_pages({keys.data(), values.data(), type(), 4, 2, 8}, from_to);
  cuda_->copy_pages({keys_there.as<void>(), values_there.as<void>(), type(), 4, 2, 8}, from_to);
  keys_there.back();
  values_there.back();
  EXPECT_EQ(keys_cuda, keys);
  EXPECT_EQ(values_cuda, values);
}

}  // namespace
}  // namespace weir::kernels::testing
