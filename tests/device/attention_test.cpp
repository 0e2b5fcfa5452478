#include <algorithm>
#include <numeric>

#include "device/device.h"
#include "kernels/key_pages.h"

namespace weir::kernels::testing {
namespace {

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
  /// The rows of `other`, as many, in the places of these.
  void become(const Step& other) {
    const std::vector<int32_t>* theirs[] = {&other.q_begin, &other.kv_length, &other.page_begin,
                                            &other.page_ids, &other.positions};
    std::vector<int32_t>* ours[] = {&q_begin, &kv_length, &page_begin, &page_ids, &positions};
    for (size_t i = 0; i < there.size(); ++i) {
      *ours[i] = *theirs[i];
      there[i]->take(ours[i]->data(), ours[i]->size() * sizeof(int32_t));
    }
  }

  std::vector<int32_t> q_begin, kv_length, page_begin, page_ids, positions;
  std::vector<std::unique_ptr<There>> there;
};

struct Heads {
  int32_t heads, kv_heads, head_dim;
};
constexpr Heads kHeads[] = {{9, 3, 64},  {4, 4, 64},  {8, 1, 128}, {4, 2, 128},
                            {7, 1, 128}, {4, 1, 256}, {6, 2, 16},  {3, 1, 80}};
constexpr int32_t kPageSize = 16;

::testing::Message name_of(Heads heads, const std::vector<Length>& lengths) {
  ::testing::Message name;
  name << heads.heads << " heads over " << heads.kv_heads << " of " << heads.head_dim
       << ", queries/keys";
  for (const Length& length : lengths) name << ' ' << length.queries << '/' << length.keys;
  return name;
}

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

  struct Result {
    Matrix out, keys, values;
  };
  Result on_cpu(Ops& ops) {
    const KeyPlaces places{kPageSize};
    Result result{out_, places.from_rows(keys_), values_};
    const Ragged ragged = step_.ragged(false);
    const PagedUse use{&ragged, shape()};
    ops.begin_step({&use, 1});
    run(ops, qkv_.rows(), result.out.rows(), cache(result.keys.data(), result.values.data()),
        ragged);
    result.keys = places.to_rows(result.keys);
    return result;
  }
  Result on_cuda(Ops& ops) {
    Result result{out_, keys_, values_};
    Places places(*this, result);
    const Ragged ragged = step_.ragged(true);
    const PagedUse use{&ragged, shape()};
    ops.begin_step({&use, 1});
    places.run(ops, ragged);
    places.back();
    return result;
  }
  /// What `other` asks, of as many rows and no more pages, by a graph of what this one asks.
  Result replayed_as(Attended& other, Ops& ops, cudaStream_t stream) {
    Result result{out_, keys_, values_};
    Places places(*this, result);
    const Ragged ragged = step_.ragged(true);
    const PagedUse use{&ragged, shape()};
    ops.begin_step({&use, 1});
    places.run(ops, ragged);  // makes workspaces, which a capture may not
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t replay = nullptr;
    EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    places.run(ops, ragged);
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    EXPECT_EQ(cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);

    step_.become(other.step_);
    places.qkv.take(other.qkv_);
    places.keys.take(other.keys_);
    places.values.take(other.values_);
    ops.begin_step({&use, 1});
    EXPECT_EQ(cudaGraphLaunch(replay, stream), cudaSuccess);
    places.back();
    EXPECT_EQ(cudaGraphExecDestroy(replay), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    return result;
  }

 private:
  /// On the device.
  struct Places {
    Places(Attended& of, Result& result)
        : owner(of), qkv(of.qkv_), out(result.out), keys(result.keys), values(result.values) {}
    void run(Ops& ops, const Ragged& ragged) {
      owner.run(ops, qkv.rows(), out.rows(), owner.cache(keys.as<void>(), values.as<void>()),
                ragged);
    }
    void back() {
      for (There* each : {&out, &keys, &values}) each->back();
    }
    Attended& owner;
    There qkv, out, keys, values;
  };

  void run(Ops& ops, Rows qkv, Rows out, PagedKv cache, const Ragged& ragged) {
    int64_t q = int64_t{heads_.heads} * heads_.head_dim,
            kv = int64_t{heads_.kv_heads} * heads_.head_dim;
    ops.paged_attention(out, part(qkv, 0, q), {part(qkv, q, kv), part(qkv, q + kv, kv)}, cache,
                        ragged, {.scale = 1 / std::sqrt(static_cast<float>(heads_.head_dim))});
  }
  PagedShape shape() const {
    return {qkv_.type(), heads_.heads, heads_.kv_heads, heads_.head_dim, kPageSize};
  }
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

class DeviceAttention : public DeviceOps {
 protected:
  /// Also that the new keys and values lie where they should, and nothing else is touched.
  void expect_cuda_as_cpu(Heads heads, const std::vector<Length>& lengths);
};
INSTANTIATE_TEST_SUITE_P(Cuda, DeviceAttention, ::testing::Values(DType::float32, DType::bfloat16),
                         type_name);

void DeviceAttention::expect_cuda_as_cpu(Heads heads, const std::vector<Length>& lengths) {
  SCOPED_TRACE(name_of(heads, lengths));
  Attended attended(type(), heads, lengths, random_);
  const Attended::Result cuda = attended.on_cuda(*cuda_), cpu = attended.on_cpu(*cpu_);
  expect_same(cuda.out, cpu.out, "attention", 2);
  expect_same(cuda.keys, cpu.keys, "keys", 0);
  expect_same(cuda.values, cpu.values, "values", 0);
}

TEST_P(DeviceAttention, DecodeRows) {
  for (Heads heads : kHeads)
    for (const std::vector<Length>& lengths : {std::vector<Length>{{1, 1}},
                                               {{1, 16}, {1, 17}, {1, 300}},
                                               {{1, 2000}, {1, 5}},
                                               std::vector<Length>(70, {1, 40})})
      expect_cuda_as_cpu(heads, lengths);
}

TEST_P(DeviceAttention, PromptsChunksAndDecodeRowsMixed) {
  for (Heads heads : kHeads)
    for (const std::vector<Length>& lengths : {std::vector<Length>{{40, 40}},
                                               {{1, 33}, {50, 50}, {20, 120}, {1, 1}},
                                               {{3, 700}, {130, 130}},
                                               {{600, 600}}})
      expect_cuda_as_cpu(heads, lengths);
}

TEST_P(DeviceAttention, AGraphOfDecodeRowsServesOtherLengths) {
  for (Heads heads : kHeads) {
    const std::vector<Length> lengths = {{1, 40}, {1, 290}, {1, 5}};
    SCOPED_TRACE(name_of(heads, lengths));
    Attended captured(type(), heads, {{1, 300}, {1, 170}, {1, 64}}, random_);
    Attended asked(type(), heads, lengths, random_);
    expect_same(captured.replayed_as(asked, *cuda_, stream_).out, asked.on_cpu(*cpu_).out,
                "replayed", 2);
  }
}

// Heads as FlashInfer has them, with and without gaps between rows, smaller and larger ones.
TEST_P(DeviceAttention, RaggedBothWays) {
  for (const std::vector<int32_t>& begin :
       {std::vector<int32_t>{0, 1, 40, 57}, {0, 1, 9}, {0, 512}, {0, 300, 305, 433, 434}})
    for (int32_t head_dim : {12, 32, 64, 80, 128, 160})
      for (int32_t group : {1, 3})
        for (auto [gap, out_gap] : {std::pair{0, 0}, {1, 0}, {1, 1}}) {
          SCOPED_TRACE(::testing::Message()
                       << "heads of " << head_dim << ", group " << group << ", gaps " << gap
                       << " and " << out_gap << ", tokens " << begin.back());
          const int32_t tokens = begin.back();
          const int64_t q_cols = int64_t{2} * group * head_dim, kv_cols = 2 * head_dim;
          std::vector<int32_t> there_begin = begin;
          Matrix q = random(tokens, q_cols, 8 * gap), k = random(tokens, kv_cols, 16 * gap),
                 v = random(tokens, kv_cols, 16 * gap);
          Matrix cpu(type(), tokens, q_cols, out_gap), cuda = cpu;
          There q_there(q), k_there(k), v_there(v), cuda_there(cuda), begin_there(there_begin);
          Ragged ragged{.rows = static_cast<int32_t>(begin.size()) - 1,
                        .tokens = tokens,
                        .q_begin = begin.data(),
                        .q_begin_host = begin.data()},
              there = ragged;
          there.q_begin = begin_there.as<int32_t>();
          const Attention both_ways{.scale = 0.2f, .causal = false};
          cpu_->ragged_attention(cpu.rows(), q.rows(), k.rows(), v.rows(), ragged, head_dim,
                                 both_ways);
          cuda_->begin_step({});
          cuda_->ragged_attention(cuda_there.rows(), q_there.rows(), k_there.rows(), v_there.rows(),
                                  there, head_dim, both_ways);
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
  expect_same(keys_cuda, keys, "keys", 0);
  expect_same(values_cuda, values, "values", 0);
}

}  // namespace
}  // namespace weir::kernels::testing
