// Micro-benchmarks of the CPU operations beside products. Decode attention reports the bytes of
// keys and values it reads, prefill and encoder attention their multiply-adds. Arguments of
// attention: rows, keys, threads.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/cpu_ops.h"
#include "weir/kernels/thread_pool.h"

namespace weir::kernels {
namespace {

struct Shape {
  int32_t heads, kv_heads, head_dim;
};
constexpr Shape kSmol{9, 3, 64}, kLlama{32, 8, 128}, kMiniLm{12, 12, 32};
constexpr int32_t kPage = 16;

std::vector<uint16_t> noise(size_t numbers, DType type) {
  std::mt19937 random(1);
  std::vector<uint16_t> out(numbers * size_of(type) / 2);
  for (uint16_t& x : out)
    x = static_cast<uint16_t>(0x3e00 + random() % 0x180);  // small numbers in either type
  return out;
}

/// One step over pages: `rows` sequences of `keys` keys, `queries` of them new.
struct Paged {
  Paged(Shape shape, DType type, int32_t rows, int32_t keys, int32_t queries)
      : pages((keys + kPage - 1) / kPage * rows),
        numbers(size_t(pages) * kPage * static_cast<size_t>(shape.kv_heads * shape.head_dim)),
        k(noise(numbers, type)),
        v(noise(numbers, type)),
        q(noise(size_t(rows) * queries * static_cast<size_t>(shape.heads * shape.head_dim), type)),
        out(q.size()),
        fresh(noise(size_t(rows) * queries * static_cast<size_t>(shape.kv_heads * shape.head_dim),
                    type)),
        page_ids(static_cast<size_t>(pages)) {
    std::iota(page_ids.begin(), page_ids.end(), 0);
    std::shuffle(page_ids.begin(), page_ids.end(), std::mt19937(2));
    for (int32_t r = 0; r <= rows; ++r) {
      q_begin.push_back(r * queries);
      page_begin.push_back(r * pages / rows);
      kv_length.push_back(keys);
    }
    cache = {k.data(), v.data(), type, kPage, shape.kv_heads, shape.head_dim};
    ragged = {.rows = rows,
              .tokens = rows * queries,
              .q_begin = q_begin.data(),
              .kv_length = kv_length.data(),
              .page_begin = page_begin.data(),
              .page_ids = page_ids.data()};
    const int64_t cols = shape.heads * shape.head_dim;
    q_rows = {q.data(), type, rows * queries, cols, cols};
    out_rows = {out.data(), type, rows * queries, cols, cols};
    const int64_t kv_cols = shape.kv_heads * shape.head_dim;
    new_rows = {fresh.data(), type, rows * queries, kv_cols, kv_cols};
  }

  int32_t pages;
  size_t numbers;
  std::vector<uint16_t> k, v, q, out, fresh;
  std::vector<int32_t> page_ids, q_begin, page_begin, kv_length;
  PagedKv cache;
  Ragged ragged;
  Rows q_rows, out_rows, new_rows;

  void attend(Ops& ops) const {
    ops.paged_attention(out_rows, q_rows, {new_rows, new_rows}, cache, ragged, {.scale = 0.1f});
  }
};

void decode(benchmark::State& state, Shape shape, DType type, Isa isa) {
  if (isa > *last_isa()) return state.SkipWithError("not on this processor");
  const auto rows = static_cast<int32_t>(state.range(0)),
             keys = static_cast<int32_t>(state.range(1));
  ThreadPool pool(static_cast<int>(state.range(2)));
  const auto ops = make_cpu_ops(pool, isa);
  Paged step(shape, type, rows, keys, 1);
  pool.step_begin();
  for (auto _ : state) step.attend(*ops);
  pool.step_end();
  const double bytes =
      2.0 * rows * keys * shape.kv_heads * shape.head_dim * static_cast<double>(size_of(type));
  state.counters["B/s"] = benchmark::Counter(bytes * static_cast<double>(state.iterations()),
                                             benchmark::Counter::kIsRate);
}

void prefill(benchmark::State& state, Shape shape, DType type, Isa isa) {
  if (isa > *last_isa()) return state.SkipWithError("not on this processor");
  const auto rows = static_cast<int32_t>(state.range(0)),
             keys = static_cast<int32_t>(state.range(1));
  ThreadPool pool(static_cast<int>(state.range(2)));
  const auto ops = make_cpu_ops(pool, isa);
  Paged step(shape, type, rows, keys, keys);
  pool.step_begin();
  for (auto _ : state) step.attend(*ops);
  pool.step_end();
  const double flop = 4.0 * rows * (0.5 * keys * (keys + 1.0)) * shape.heads * shape.head_dim;
  state.counters["FLOP/s"] = benchmark::Counter(flop * static_cast<double>(state.iterations()),
                                                benchmark::Counter::kIsRate);
}

void encoder(benchmark::State& state, Shape shape, DType type, Isa isa) {
  if (isa > *last_isa()) return state.SkipWithError("not on this processor");
  const auto rows = static_cast<int32_t>(state.range(0)),
             tokens = static_cast<int32_t>(state.range(1));
  ThreadPool pool(static_cast<int>(state.range(2)));
  const auto ops = make_cpu_ops(pool, isa);
  const int64_t cols = shape.heads * shape.head_dim, all = int64_t{rows} * tokens;
  auto qkv = noise(static_cast<size_t>(all * cols * 3), type);
  std::vector<uint16_t> out(static_cast<size_t>(all * cols) * 2);
  std::vector<int32_t> begin;
  for (int32_t r = 0; r <= rows; ++r) begin.push_back(r * tokens);
  const auto part = [&](int64_t i) {
    return Rows{qkv.data() + i * cols * static_cast<int64_t>(size_of(type)) / 2, type, all, cols,
                3 * cols};
  };
  const Ragged ragged{.rows = rows, .tokens = rows * tokens, .q_begin = begin.data()};
  pool.step_begin();
  for (auto _ : state) {
    ops->ragged_attention({out.data(), type, all, cols, cols}, part(0), part(1), part(2), ragged,
                          shape.head_dim, {.scale = 0.1f, .causal = false});
  }
  pool.step_end();
  const double flop = 4.0 * rows * tokens * tokens * static_cast<double>(cols);
  state.counters["FLOP/s"] = benchmark::Counter(flop * static_cast<double>(state.iterations()),
                                                benchmark::Counter::kIsRate);
}

void add_rms_norm(benchmark::State& state, DType type) {
  const int64_t rows = state.range(0), cols = state.range(1);
  ThreadPool pool(static_cast<int>(state.range(2)));
  const auto ops = make_cpu_ops(pool);
  const auto size = static_cast<size_t>(rows * cols);
  auto x = noise(size, type), residual = noise(size, type), out = noise(size, type),
       weight = noise(static_cast<size_t>(cols), type);
  for (auto _ : state) {
    ops->add_rms_norm({out.data(), type, rows, cols, cols},
                      {residual.data(), type, rows, cols, cols}, {x.data(), type, rows, cols, cols},
                      weight.data(), 1e-5f);
  }
}

void sample(benchmark::State& state, SampleRow params) {
  const int64_t rows = state.range(0), vocabulary = state.range(1);
  ThreadPool pool(static_cast<int>(state.range(2)));
  const auto ops = make_cpu_ops(pool);
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 2.5f);
  std::vector<float> logits(static_cast<size_t>(rows * vocabulary));
  for (float& x : logits) x = normal(random);
  std::vector<float> work(logits.size());
  std::vector<SampleRow> all(static_cast<size_t>(rows), params);
  std::vector<int32_t> ids(static_cast<size_t>(rows));
  for (auto _ : state) {
    state.PauseTiming();  // sampling overwrites the logits
    std::ranges::copy(logits, work.begin());
    for (SampleRow& p : all) ++p.draw;
    state.ResumeTiming();
    ops->sample({.ids = ids.data()}, {work.data(), DType::float32, rows, vocabulary, vocabulary},
                all);
  }
}

void attention_sizes(benchmark::internal::Benchmark* bench) {
  bench->UseRealTime()
      ->Args({1, 256, 1})
      ->Args({32, 256, 1})
      ->Args({1, 4096, 1})
      ->Args({1, 4096, 2})
      ->Args({32, 1024, 2});
}
void prefill_sizes(benchmark::internal::Benchmark* bench) {
  bench->UseRealTime()->Args({1, 512, 1})->Args({1, 2048, 1})->Args({4, 512, 2});
}
void encoder_sizes(benchmark::internal::Benchmark* bench) {
  bench->UseRealTime()->Args({32, 32, 1})->Args({8, 128, 1})->Args({8, 512, 1})->Args({32, 128, 2});
}

constexpr DType kF32 = DType::float32, kBf16 = DType::bfloat16;
BENCHMARK_CAPTURE(decode, smol_f32_avx2, kSmol, kF32, Isa::avx2)->Apply(attention_sizes);
BENCHMARK_CAPTURE(decode, smol_f32, kSmol, kF32, Isa::avx512)->Apply(attention_sizes);
BENCHMARK_CAPTURE(decode, smol_bf16_avx2, kSmol, kBf16, Isa::avx2)->Apply(attention_sizes);
BENCHMARK_CAPTURE(decode, smol_bf16, kSmol, kBf16, Isa::avx512_bf16)->Apply(attention_sizes);
BENCHMARK_CAPTURE(decode, smol_bf16_amx, kSmol, kBf16, Isa::amx)->Apply(attention_sizes);
BENCHMARK_CAPTURE(decode, llama_f32, kLlama, kF32, Isa::avx512)->Apply(attention_sizes);
BENCHMARK_CAPTURE(decode, llama_bf16, kLlama, kBf16, Isa::avx512_bf16)->Apply(attention_sizes);
BENCHMARK_CAPTURE(decode, llama_bf16_amx, kLlama, kBf16, Isa::amx)->Apply(attention_sizes);
BENCHMARK_CAPTURE(prefill, smol_f32_avx2, kSmol, kF32, Isa::avx2)->Apply(prefill_sizes);
BENCHMARK_CAPTURE(prefill, smol_f32, kSmol, kF32, Isa::avx512)->Apply(prefill_sizes);
BENCHMARK_CAPTURE(prefill, smol_bf16_avx2, kSmol, kBf16, Isa::avx2)->Apply(prefill_sizes);
BENCHMARK_CAPTURE(prefill, smol_bf16, kSmol, kBf16, Isa::avx512_bf16)->Apply(prefill_sizes);
BENCHMARK_CAPTURE(prefill, smol_bf16_amx, kSmol, kBf16, Isa::amx)->Apply(prefill_sizes);
BENCHMARK_CAPTURE(prefill, llama_bf16, kLlama, kBf16, Isa::avx512_bf16)->Apply(prefill_sizes);
BENCHMARK_CAPTURE(prefill, llama_bf16_amx, kLlama, kBf16, Isa::amx)->Apply(prefill_sizes);
BENCHMARK_CAPTURE(encoder, minilm_f32_avx2, kMiniLm, kF32, Isa::avx2)->Apply(encoder_sizes);
BENCHMARK_CAPTURE(encoder, minilm_f32, kMiniLm, kF32, Isa::avx512)->Apply(encoder_sizes);
BENCHMARK_CAPTURE(encoder, minilm_bf16_avx2, kMiniLm, kBf16, Isa::avx2)->Apply(encoder_sizes);
BENCHMARK_CAPTURE(encoder, minilm_bf16, kMiniLm, kBf16, Isa::avx512_bf16)->Apply(encoder_sizes);
BENCHMARK_CAPTURE(encoder, minilm_bf16_amx, kMiniLm, kBf16, Isa::amx)->Apply(encoder_sizes);
BENCHMARK_CAPTURE(add_rms_norm, f32, kF32)
    ->Args({1, 576, 1})
    ->Args({32, 576, 2})
    ->Args({512, 576, 2})
    ->UseRealTime();
BENCHMARK_CAPTURE(add_rms_norm, bf16, kBf16)
    ->Args({1, 576, 1})
    ->Args({32, 576, 2})
    ->Args({512, 576, 2})
    ->UseRealTime();
BENCHMARK_CAPTURE(sample, greedy, SampleRow{})
    ->Args({1, 49152, 1})
    ->Args({32, 49152, 2})
    ->Args({1, 151936, 1})
    ->UseRealTime();
BENCHMARK_CAPTURE(sample, temperature, SampleRow{.temperature = 1})
    ->Args({1, 49152, 1})
    ->UseRealTime();
BENCHMARK_CAPTURE(sample, top_p, SampleRow{.temperature = 1, .top_p = 0.9f})
    ->Args({1, 49152, 1})
    ->Args({1, 151936, 1})
    ->UseRealTime();
BENCHMARK_CAPTURE(sample, top_k_top_p, SampleRow{.temperature = 0.7f, .top_p = 0.9f, .top_k = 50})
    ->Args({1, 49152, 1})
    ->Args({1, 151936, 1})
    ->UseRealTime();

}  // namespace
}  // namespace weir::kernels

BENCHMARK_MAIN();
