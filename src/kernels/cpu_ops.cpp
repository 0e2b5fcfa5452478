#include "kernels/cpu_ops.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/check.h"
#include "kernels/chunks.h"
#include "kernels/cpu_kernels.h"
#include "kernels/cpu_plan.h"
#include "kernels/cpu_sample.h"
#include "kernels/key_words.h"
#include "kernels/shapes.h"
#include "weir/kernels/page_fetch.h"
#include "weir/kernels/thread_pool.h"

namespace weir::kernels {
namespace {

int64_t bytes_of_row(const ConstRows& rows) {
  return rows.cols * static_cast<int64_t>(size_of(rows.type));
}

template <class Data>
Data* at(Data* data, DType type, int64_t elements) {
  using Byte = std::conditional_t<std::is_const_v<Data>, const char, char>;
  return static_cast<Byte*>(data) + elements * static_cast<int64_t>(size_of(type));
}

class CpuOps final : public Ops {
 public:
  CpuOps(ThreadPool& pool, Isa isa, PageFetch* fetch)
      : pool_(pool), kernels_(cpu_kernels(isa)), fetch_(fetch) {}

  // Attention plans its tiles in each call: that costs less than a layer's first product. Pages
  // that a step expected and did not read, since it failed, are gone with it.
  void begin_step(std::span<const PagedUse>) override { expect_nothing(); }

  void embed(Rows out, ConstRows table, const int32_t* ids, bool add) override {
    take("embed", {out, table, ids, add});
  }
  void gather(Rows out, ConstRows x, std::span<const int32_t> indices) override {
    believe(static_cast<int64_t>(indices.size()) == out.rows,
            "gather: %zu indices for %" PRId64 " rows", indices.size(), out.rows);
    take("gather", {out, x, indices.data(), false});
  }

  void rms_norm(Rows out, ConstRows x, const void* weight, float eps) override {
    same_shape("rms_norm", out, x);
    norm(kernels_.rows.rms_norm, {.out = out, .x = x, .weight = weight, .eps = eps});
  }

  void rms_norm_heads(Rows x, const void* weight, int32_t head_dim, float eps) override {
    check_whole_heads("rms_norm_heads", x, head_dim);
    norm(kernels_.rows.rms_norm_heads,
         {.out = x, .x = x, .weight = weight, .eps = eps, .head_dim = head_dim});
  }

  void add_rms_norm(Rows out, Rows residual, ConstRows x, const void* weight, float eps) override {
    same_shape("add_rms_norm", out, x);
    same_shape("add_rms_norm", residual, x);
    norm(kernels_.rows.add_rms_norm,
         {.out = out, .residual = residual, .x = x, .weight = weight, .eps = eps});
  }

  void layer_norm(Rows out, ConstRows x, ConstRows residual, const void* weight, const void* bias,
                  float eps) override {
    same_shape("layer_norm", out, x);
    if (residual.data != nullptr) same_shape("layer_norm", residual, x);
    norm(kernels_.rows.layer_norm,
         {.out = out, .x = x, .added = residual, .weight = weight, .bias = bias, .eps = eps});
  }

  void rope(Rows qk, const int32_t* positions, const float* cos_sin, int32_t head_dim) override {
    check_whole_heads("rope", qk, head_dim);
    const RopeArgs args{qk, positions, cos_sin, head_dim};
    over_rows(pool_, qk.rows, 2 * bytes_of_row(qk),
              [&](int64_t begin, int64_t end) { kernels_.rows.rope(args, begin, end); });
  }

  void copy_pages(PagedKv cache, std::span<const int32_t> from_to) override;
  void expect_pages(PagedKv cache, const Ragged& ragged) override {
    if (fetch_ != nullptr && ragged.rows > 0)
      fetch_->expect(cache, {ragged.page_ids, static_cast<size_t>(ragged.page_begin[ragged.rows])});
  }
  void write_pages(ConstRows k, ConstRows v, PagedKv cache, const Ragged& ragged) override;
  void paged_attention(Rows out, ConstRows q, const NewKeys& keys, PagedKv cache,
                       const Ragged& ragged, const Attention& attention) override;
  void ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged,
                        int32_t head_dim, const Attention& attention) override;

  void gate(Rows out, ConstRows gate_up, Act act) override {
    check_gate(out, gate_up, act);
    const GateArgs args{out, gate_up, act};
    over_rows(pool_, out.rows, 3 * bytes_of_row(out),
              [&](int64_t begin, int64_t end) { kernels_.rows.gate(args, begin, end); });
  }

  void activate(Rows x, Act act) override {
    over_rows(pool_, x.rows, 2 * bytes_of_row(x),
              [&](int64_t begin, int64_t end) { kernels_.rows.activate(x, act, begin, end); });
  }

  void gru(Rows state_out, ConstRows gates_x, ConstRows gates_h, ConstRows state_in) override {
    check_gru(state_out, gates_x, gates_h, state_in);
    const GruArgs args{state_out, gates_x, gates_h, state_in};
    over_rows(pool_, state_out.rows, 8 * bytes_of_row(state_out),
              [&](int64_t begin, int64_t end) { kernels_.rows.gru(args, begin, end); });
  }

  void pool(Rows out, ConstRows hidden, const Ragged& ragged, const PoolRule& rule) override;
  void mix(Rows out, ConstRows x, std::span<const float> weights) override;
  void lstm(Rows out, ConstRows gates, std::span<const int32_t> begins, const Lstm& lstm) override;
  void sample(const SampleOut& out, Rows logits, std::span<const SampleRow> params) override;

 private:
  void take(const char* op, const TakeArgs& args) {
    believe(args.out.cols == args.x.cols, "%s: rows of %" PRId64 " become rows of %" PRId64, op,
            args.x.cols, args.out.cols);
    for (int64_t i = 0; i < args.out.rows; ++i) {
      believe(args.indices[i] >= 0 && args.indices[i] < args.x.rows,
              "%s: index %d is one of %" PRId64 " rows", op, args.indices[i], args.x.rows);
    }
    over_rows(pool_, args.out.rows, bytes_of_row(args.x) + bytes_of_row(args.out),
              [&](int64_t begin, int64_t end) { kernels_.rows.take(args, begin, end); });
  }

  /// Writes the keys and values of rows that have so many tokens: one alone is written by the tile
  /// that reads it, which spares a pass over its page.
  void append(const PagedKv& cache, const ConstRows& k, const ConstRows& v, const Ragged& ragged,
              int32_t least);

  void expect_nothing() {
    if (fetch_ != nullptr) fetch_->expect_nothing();
  }

  void norm(void (*kernel)(const NormArgs&, int64_t, int64_t), const NormArgs& args) {
    over_rows(pool_, args.x.rows, 2 * bytes_of_row(args.x),
              [&](int64_t begin, int64_t end) { kernel(args, begin, end); });
  }

  ThreadPool& pool_;
  const CpuKernels kernels_;
  PageFetch* const fetch_;
  AttentionPlan plan_;
  ScratchShelf scratch_;
  std::vector<float> lstm_scratch_;  // of the last call; kept for its memory
};

/// How this cache's keys lie: see key_words.h.
bool lies_in_words(const PagedKv& cache) { return cache.page_size % kLineWords == 0; }

void check_ragged(const char* op, const Ragged& ragged, int64_t tokens) {
  believe(ragged.rows == 0 || ragged.q_begin[ragged.rows] == tokens,
          "%s: rows end at token %d of %" PRId64, op,
          ragged.rows == 0 ? 0 : ragged.q_begin[ragged.rows], tokens);
}

void check_pages(const char* op, const PagedKv& cache, const Ragged& ragged, int32_t i) {
  const int32_t queries = ragged.q_begin[i + 1] - ragged.q_begin[i], keys = ragged.kv_length[i];
  const int32_t pages = ragged.page_begin[i + 1] - ragged.page_begin[i];
  believe(keys >= std::min(queries, 1) && keys <= int64_t{pages} * cache.page_size,
          "%s: row %d has %d queries, %d keys and %d pages of %d", op, i, queries, keys, pages,
          cache.page_size);
}

// Row i's tokens stand at the end of its keys, and its pages hold them all.
void check_new_tokens(const char* op, const PagedKv& cache, const Ragged& ragged, int32_t i) {
  check_pages(op, cache, ragged, i);
  const int32_t tokens = ragged.q_begin[i + 1] - ragged.q_begin[i], keys = ragged.kv_length[i];
  believe(tokens <= keys, "%s: row %d has %d queries, but %d keys", op, i, tokens, keys);
}

// The first page that a tile reads is there.
void check_first_page(const AttentionTile& tile, int32_t row) {
  const int32_t key = tile.first_seen(0), page = key / tile.source.page_size;
  believe(tile.source.page_ids[page] >= 0,
          "paged_attention: row %d sees key %d, and its page %d is missing", row, key, page);
}

/// Where a token's key and value belong.
struct KeyPlace {
  const PagedKv& cache;
  int64_t page, slot;

  int64_t head_size() const { return int64_t{cache.page_size} * cache.head_dim; }
  int64_t head(int32_t head) const { return (page * cache.kv_heads + head) * head_size(); }
};

void put(const KeyPlace& place, void* side, const ConstRows& from, int64_t token) {
  const PagedKv& cache = place.cache;
  const size_t bytes = static_cast<size_t>(cache.head_dim) * size_of(cache.type);
  for (int32_t head = 0; head < cache.kv_heads; ++head)
    std::memcpy(at(side, cache.type, place.head(head) + place.slot * cache.head_dim),
                at(from.data, from.type, token * from.stride + int64_t{head} * cache.head_dim),
                bytes);
}

void put_words(const KeyPlace& place, const ConstRows& keys, int64_t token) {
  const PagedKv& cache = place.cache;
  for (int32_t head = 0; head < cache.kv_heads; ++head) {
    char* page = static_cast<char*>(at(cache.keys, cache.type, place.head(head)));
    write_key(page + place.slot * kWordBytes, cache.page_size,
              at(keys.data, keys.type, token * keys.stride + int64_t{head} * cache.head_dim),
              words_of(cache.type, cache.head_dim));
  }
}

void CpuOps::append(const PagedKv& cache, const ConstRows& k, const ConstRows& v,
                    const Ragged& ragged, int32_t least) {
  const bool words = lies_in_words(cache);
  for (int32_t row = 0; row < ragged.rows; ++row) {
    const int32_t first = ragged.q_begin[row], queries = ragged.q_begin[row + 1] - first;
    if (queries < least) continue;
    over_rows(pool_, queries, 4 * bytes_of_row(k), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t position = ragged.kv_length[row] - queries + i, token = first + i;
        const int64_t page = ragged.page_ids[ragged.page_begin[row] + position / cache.page_size];
        const KeyPlace place{cache, page, position % cache.page_size};
        words ? put_words(place, k, token) : put(place, cache.keys, k, token);
        put(place, cache.values, v, token);
      }
    });
  }
}

void CpuOps::copy_pages(PagedKv cache, std::span<const int32_t> from_to) {
  believe(from_to.size() % 2 == 0, "copy_pages: %zu numbers are pairs", from_to.size());
  const int64_t elements = int64_t{cache.kv_heads} * cache.page_size * cache.head_dim;
  const size_t bytes = static_cast<size_t>(elements) * size_of(cache.type);
  for (size_t i = 0; i < from_to.size(); i += 2) {
    for (void* side : {cache.keys, cache.values}) {
      std::memcpy(at(side, cache.type, from_to[i + 1] * elements),
                  at(side, cache.type, from_to[i] * elements), bytes);
    }
  }
}

/// The queries of a call; the heads of q lie in groups that share a head of keys.
struct Queries {
  Rows out;
  ConstRows q;
  int32_t kv_heads, head_dim;
  const Attention& attention;
  const int32_t heads = static_cast<int32_t>(q.cols / head_dim / kv_heads);  // of a group

  /// `count` of them from `first` on, of one group; where their keys lie is not said yet.
  AttentionTile tile(int32_t first, int32_t count, int32_t kv_head) const {
    const int64_t column = int64_t{kv_head} * heads * head_dim;
    AttentionTile tile{.type = q.type,
                       .q = at(q.data, q.type, first * q.stride + column),
                       .q_stride = q.stride,
                       .out = at(out.data, out.type, first * out.stride + column),
                       .out_stride = out.stride,
                       .queries = count,
                       .heads = heads,
                       .head_dim = head_dim,
                       .attention = attention};
    tile.attention.bias = bias_from(attention.bias, kv_head * heads);
    return tile;
  }
};

/// One head's keys and values of a row's pages.
KeySource source_of(const PagedKv& cache, const Ragged& ragged, int32_t row, int32_t head) {
  const int64_t head_size = int64_t{cache.page_size} * cache.head_dim;
  return {.keys = at(static_cast<const void*>(cache.keys), cache.type, head * head_size),
          .values = at(static_cast<const void*>(cache.values), cache.type, head * head_size),
          .page_ids = ragged.page_ids + ragged.page_begin[row],
          .page_stride = cache.kv_heads * head_size,
          .key_stride = cache.head_dim,
          .page_size = cache.page_size,
          .word_stride = lies_in_words(cache) ? cache.page_size : 0};
}

void CpuOps::write_pages(ConstRows k, ConstRows v, PagedKv cache, const Ragged& ragged) {
  check_new_keys("write_pages", cache, k, v);
  check_ragged("write_pages", ragged, k.rows);
  for (int32_t row = 0; row < ragged.rows; ++row)
    check_new_tokens("write_pages", cache, ragged, row);
  append(cache, k, v, ragged, 1);
}

void CpuOps::paged_attention(Rows out, ConstRows q, const NewKeys& keys, PagedKv cache,
                             const Ragged& ragged, const Attention& attention) {
  check_paged_attention(out, q, keys, cache, attention);
  check_ragged("paged_attention", ragged, q.rows);
  const bool has_places = attention.causal || !keys.empty();
  for (int32_t row = 0; row < ragged.rows; ++row)
    (has_places ? check_new_tokens : check_pages)("paged_attention", cache, ragged, row);
  expect_nothing();  // these are what was expected
  const Queries queries{out, q, cache.kv_heads, cache.head_dim, attention};
  // The newest key of a row with one query is written by the tile that reads it.
  const bool one_tile = queries.heads <= kTileRows;
  if (!keys.empty()) append(cache, keys.k, keys.v, ragged, one_tile ? 2 : 1);
  plan_.clear();
  for (int32_t row = 0; row < ragged.rows; ++row) {
    const int32_t first = ragged.q_begin[row], count = ragged.q_begin[row + 1] - first;
    const bool writes = one_tile && count == 1 && !keys.empty();
    for (int32_t head = 0; head < cache.kv_heads; ++head) {
      AttentionTile tile = queries.tile(first, count, head);
      tile.keys = ragged.kv_length[row];
      tile.position = tile.keys - count;
      tile.source = source_of(cache, ragged, row, head);
      const int64_t column = int64_t{head} * cache.head_dim;
      if (writes) {
        tile.new_key = at(keys.k.data, keys.k.type, first * keys.k.stride + column);
        tile.new_value = at(keys.v.data, keys.v.type, first * keys.v.stride + column);
      }
      if (attention.window > 0 && count > 0) check_first_page(tile, row);
      plan_.add(tile);
    }
  }
  plan_.run(pool_, kernels_.attention);
}

void CpuOps::ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged,
                              int32_t head_dim, const Attention& attention) {
  check_ragged_attention(out, q, k, v, head_dim, attention);
  check_ragged("ragged_attention", ragged, q.rows);
  const Queries queries{out, q, static_cast<int32_t>(k.cols / head_dim), head_dim, attention};
  plan_.clear();
  for (int32_t row = 0; row < ragged.rows; ++row) {
    const int32_t first = ragged.q_begin[row], count = ragged.q_begin[row + 1] - first;
    for (int32_t head = 0; head < queries.kv_heads; ++head) {
      const int64_t kv = first * k.stride + int64_t{head} * head_dim;
      AttentionTile tile = queries.tile(first, count, head);
      tile.keys = count;
      tile.source = {
          .keys = at(k.data, k.type, kv), .values = at(v.data, v.type, kv), .key_stride = k.stride};
      plan_.add(tile);
    }
  }
  plan_.run(pool_, kernels_.attention);
}

void CpuOps::pool(Rows out, ConstRows hidden, const Ragged& ragged, const PoolRule& rule) {
  check_ragged("pool", ragged, hidden.rows);
  check_pool(out, hidden, ragged.q_begin, ragged.rows);
  const PoolArgs args{out, hidden, ragged.q_begin, rule};
  const int64_t tokens_per_row = ragged.rows == 0 ? 0 : hidden.rows / ragged.rows + 1;
  over_rows(pool_, out.rows, tokens_per_row * bytes_of_row(hidden),
            [&](int64_t begin, int64_t end) { kernels_.rows.pool(args, begin, end); });
}

void CpuOps::mix(Rows out, ConstRows x, std::span<const float> weights) {
  const auto layers = static_cast<int64_t>(weights.size());
  check_mix(out, x, layers);
  const MixArgs args{out, x, weights.data(), layers};
  over_rows(pool_, out.rows, layers * bytes_of_row(x),
            [&](int64_t begin, int64_t end) { kernels_.rows.mix(args, begin, end); });
}

void CpuOps::lstm(Rows out, ConstRows gates, std::span<const int32_t> begins, const Lstm& lstm) {
  check_lstm(out, gates, begins, lstm);
  const auto units = (static_cast<int64_t>(begins.size()) - 1) * lstm.directions;
  lstm_scratch_.resize(static_cast<size_t>(units * 6 * lstm.width));
  const LstmArgs args{out, gates, begins.data(), lstm, lstm_scratch_.data()};
  const int64_t weights = int64_t{4} * lstm.width * lstm.width * 4;  // bytes read for each line
  const int64_t lines_a_unit = units == 0 ? 0 : gates.rows * lstm.directions / units + 1;
  over_rows(pool_, units, lines_a_unit * weights,
            [&](int64_t begin, int64_t end) { kernels_.rows.lstm(args, begin, end); });
}

void CpuOps::sample(const SampleOut& out, Rows logits, std::span<const SampleRow> params) {
  check_sample(out, logits, params);
  over_rows(pool_, logits.rows, 2 * bytes_of_row(logits), [&](int64_t begin, int64_t end) {
    std::unique_ptr<SampleScratch> scratch = scratch_.take();
    for (int64_t r = begin; r < end; ++r) {
      const SampleRow& row = params[static_cast<size_t>(r)];
      const std::span line(static_cast<float*>(logits.data) + r * logits.stride,
                           static_cast<size_t>(logits.cols));
      LogprobsOut told{.top = row.logprobs};
      if (row.logprobs >= 0) told.own = out.logprobs + r, told.rank = out.ranks + r;
      if (row.logprobs > 0)
        told.top_ids = out.top_ids + r * out.top,
        told.top_logprobs = out.top_logprobs + r * out.top;
      out.ids[r] = sample_row(line, row, told, kernels_.sample, *scratch);
    }
    scratch_.put(std::move(scratch));
  });
}

}  // namespace

std::unique_ptr<Ops> make_cpu_ops(ThreadPool& pool, Isa isa, PageFetch* fetch) {
  return std::make_unique<CpuOps>(pool, isa, fetch);
}
std::unique_ptr<Ops> make_cpu_ops(ThreadPool& pool, PageFetch* fetch) {
  return make_cpu_ops(pool, cpu_isa(), fetch);
}

}  // namespace weir::kernels
