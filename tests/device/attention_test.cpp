#include <algorithm>
#include <array>
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
  /// Pages before the windows of all queries are missing.
  void lose_pages(int32_t window, int32_t page_size) {
    for (size_t row = 0; row < kv_length.size(); ++row) {
      const int32_t first_query = kv_length[row] - (q_begin[row + 1] - q_begin[row]);
      const int32_t seen = std::max(0, first_query + 1 - window);
      for (int32_t page = 0; (page + 1) * page_size <= seen; ++page)
        page_ids[static_cast<size_t>(page_begin[row] + page)] = -1;
    }
    there[3]->take(page_ids.data(), page_ids.size() * sizeof(int32_t));
  }
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

/// A kind of attention; without `writes` the pages are only read.
struct Kind {
  const char* name;
  Attention attention;
  int32_t left = -1, right = -1;  // of a bias, if it has one
  bool writes = true;
};
constexpr Kind kCausal{"causal", {}};
constexpr Kind kKinds[] = {
    {"capped", {.scale = 3, .soft_cap = 4}},
    {"window of itself", {.window = 1}},
    {"window of 50", {.window = 50}},
    {"window longer than all", {.window = INT32_MAX}},
    {"window of 200, capped", {.scale = 3, .soft_cap = 4, .window = 200}},
    {"biased", {}, 60, 0},
    {"all", {.scale = 3, .soft_cap = 4, .window = 90}, 30, 2},
    {"read only", {}, -1, -1, false},
    {"of a source", {.causal = false}, -1, -1, false},
    {"of a source, capped", {.scale = 3, .soft_cap = 4, .causal = false}, -1, -1, false}};

/// k and v of all keys of `lengths`, appended row by row, then attention of the last queries.
class Attended {
 public:
  Attended(DType type, Heads heads, const std::vector<Length>& lengths, std::mt19937& random,
           const Kind& kind = kCausal)
      : heads_(heads),
        writes_(kind.writes),
        attention_(kind.attention),
        step_(lengths, kPageSize, random),
        bias_(DType::float32, heads.heads, std::max(0, kind.left + 1 + kind.right)),
        keys_(type, int64_t{step_.pages()} * heads.kv_heads * kPageSize, heads.head_dim),
        values_(keys_),
        qkv_(Matrix(type, step_.ragged(false).tokens, columns(heads)).fill(random)),
        out_(type, step_.ragged(false).tokens, int64_t{heads.heads} * heads.head_dim) {
    keys_.fill(random);
    values_.fill(random);
    attention_.scale /= std::sqrt(static_cast<float>(heads.head_dim));
    attention_.bias.left = std::max(0, kind.left);
    attention_.bias.right = std::max(0, kind.right);
    if (kind.left >= 0) bias_.fill(random);
    if (attention_.window > 0) step_.lose_pages(attention_.window, kPageSize);
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
        ragged, static_cast<float*>(bias_.data()));
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
  /// Two in one step.
  static std::array<Result, 2> on_cuda(Ops& ops, Attended& first, Attended& second) {
    std::array<Result, 2> results{Result{first.out_, first.keys_, first.values_},
                                  Result{second.out_, second.keys_, second.values_}};
    Places one(first, results[0]), two(second, results[1]);
    const Ragged rows[] = {first.step_.ragged(true), second.step_.ragged(true)};
    const PagedUse uses[] = {{&rows[0], first.shape()}, {&rows[1], second.shape()}};
    ops.begin_step(uses);
    two.run(ops, rows[1]);
    one.run(ops, rows[0]);
    one.back();
    two.back();
    return results;
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
        : owner(of),
          qkv(of.qkv_),
          out(result.out),
          keys(result.keys),
          values(result.values),
          bias(of.bias_) {}
    void run(Ops& ops, const Ragged& ragged) {
      owner.run(ops, qkv.rows(), out.rows(), owner.cache(keys.as<void>(), values.as<void>()),
                ragged, bias.as<float>());
    }
    void back() {
      for (There* each : {&out, &keys, &values}) each->back();
    }
    Attended& owner;
    There qkv, out, keys, values, bias;
  };

  void run(Ops& ops, Rows qkv, Rows out, PagedKv cache, const Ragged& ragged, const float* bias) {
    int64_t q = int64_t{heads_.heads} * heads_.head_dim,
            kv = int64_t{heads_.kv_heads} * heads_.head_dim;
    Attention attention = attention_;
    if (bias_.cols() > 0) attention.bias.data = bias;
    NewKeys keys{part(qkv, q, kv), part(qkv, q + kv, kv)};
    ops.paged_attention(out, part(qkv, 0, q), writes_ ? keys : NewKeys{}, cache, ragged, attention);
  }
  PagedShape shape() const {
    return {.type = qkv_.type(),
            .heads = heads_.heads,
            .kv_heads = heads_.kv_heads,
            .head_dim = heads_.head_dim,
            .page_size = kPageSize,
            .window = attention_.window,
            .causal = attention_.causal,
            .capped = attention_.soft_cap > 0,
            .biased = bias_.cols() > 0};
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
  bool writes_;
  Attention attention_;
  Step step_;
  Matrix bias_, keys_, values_, qkv_, out_;
};

class DeviceAttention : public DeviceOps {
 protected:
  /// Also that the new keys and values lie where they should, and nothing else is touched.
  void expect_cuda_as_cpu(Heads heads, const std::vector<Length>& lengths,
                          const Kind& kind = kCausal);
};
INSTANTIATE_TEST_SUITE_P(Cuda, DeviceAttention, ::testing::Values(DType::float32, DType::bfloat16),
                         type_name);

void DeviceAttention::expect_cuda_as_cpu(Heads heads, const std::vector<Length>& lengths,
                                         const Kind& kind) {
  SCOPED_TRACE(name_of(heads, lengths) << ", " << kind.name);
  Attended attended(type(), heads, lengths, random_, kind);
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

TEST_P(DeviceAttention, EveryKind) {
  for (Heads heads : kHeads)
    for (const Kind& kind : kKinds)
      for (const std::vector<Length>& lengths : {std::vector<Length>{{1, 1}, {1, 16}, {1, 300}},
                                                 {{1, 2000}, {1, 5}},
                                                 {{1, 33}, {50, 50}, {20, 120}, {1, 1}},
                                                 {{3, 700}, {130, 130}},
                                                 {{600, 600}}})
        expect_cuda_as_cpu(heads, lengths, kind);
}

// The pages of a source and the sequence's own, of one shape, in one step.
TEST_P(DeviceAttention, TwoOfOneShapeInAStep) {
  Heads heads{4, 4, 64};
  Attended first(type(), heads, {{1, 40}, {5, 90}}, random_),
      second(type(), heads, {{1, 300}, {2, 17}}, random_);
  const auto both = Attended::on_cuda(*cuda_, first, second);
  expect_same(both[0].out, first.on_cpu(*cpu_).out, "the first", 2);
  expect_same(both[1].out, second.on_cpu(*cpu_).out, "the second", 2);
}

TEST_P(DeviceAttention, AGraphOfDecodeRowsServesOtherLengths) {
  for (Heads heads : kHeads)
    for (const Kind& kind : {kCausal, Kind{"window of 50", {.window = 50}},
                             Kind{"of a source", {.causal = false}, -1, -1, false}}) {
      const std::vector<Length> lengths = {{1, 40}, {1, 290}, {1, 5}};
      SCOPED_TRACE(name_of(heads, lengths) << ", " << kind.name);
      Attended captured(type(), heads, {{1, 300}, {1, 170}, {1, 64}}, random_, kind);
      Attended asked(type(), heads, lengths, random_, kind);
      expect_same(captured.replayed_as(asked, *cuda_, stream_).out, asked.on_cpu(*cpu_).out,
                  "replayed", 2);
    }
}

// Heads as FlashInfer has them, with and without gaps between rows, smaller and larger ones.
TEST_P(DeviceAttention, RaggedOfEveryKind) {
  std::vector<float> bias(6 * (1 + 20 + 30));
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = static_cast<float>(i % 17) / 8;
  There bias_there(bias);
  const Attention kinds[] = {
      {.scale = 0.2f, .causal = false},
      {.scale = 0.2f},
      {.scale = 1, .soft_cap = 3, .causal = false},
      {.scale = 0.2f, .window = 40, .causal = false},
      {.scale = 0.2f, .window = 7},
      {.scale = 0.2f, .causal = false, .bias = {bias_there.as<float>(), 20, 30}}};
  for (const std::vector<int32_t>& begin :
       {std::vector<int32_t>{0, 1, 40, 57}, {0, 1, 9}, {0, 512}, {0, 300, 305, 433, 434}})
    for (int32_t head_dim : {12, 32, 64, 80, 128, 160})
      for (int32_t group : {1, 3})
        for (auto [gap, out_gap] : {std::pair{0, 0}, {1, 0}, {1, 1}})
          for (const Attention& kind : kinds) {
            SCOPED_TRACE(::testing::Message()
                         << "heads of " << head_dim << ", group " << group << ", gaps " << gap
                         << " and " << out_gap << ", tokens " << begin.back() << ", kind "
                         << &kind - kinds);
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
            Attention here = kind;
            if (here.bias.data) here.bias.data = bias.data();
            cpu_->ragged_attention(cpu.rows(), q.rows(), k.rows(), v.rows(), ragged, head_dim,
                                   here);
            cuda_->begin_step({});
            cuda_->ragged_attention(cuda_there.rows(), q_there.rows(), k_there.rows(),
                                    v_there.rows(), there, head_dim, kind);
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
