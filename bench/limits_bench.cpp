// What the machine gives at this moment: bytes read from memory and floating point operations a
// second, over all cores that the process may use. `limits_bench [threads]` prints one line of
// JSON, after one to two seconds. Figures are medians, so a neighbour that comes and goes shows in
// them.

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "kernels/amx_tiles.h"
#include "weir/kernels/cpu_isa.h"
#include "weir/kernels/gemm.h"
#include "weir/kernels/thread_pool.h"
#include "weir/kernels/weight_memory.h"

namespace weir::kernels {
namespace {

constexpr size_t kBytes = size_t{256} << 20;  // a thread reads at once; far more than any cache
constexpr int64_t kRows = 512, kOut = 4096, kIn = 4096;
constexpr int kPeakSteps = 1 << 18;
constexpr int kChains = 16;  // sums at once, more than the latency of one hides

/// Seconds of one call: the median over `limit`.
template <class Call>
double seconds(std::chrono::milliseconds limit, Call call) {
  using Clock = std::chrono::steady_clock;
  call();
  const auto begin = Clock::now();
  std::vector<double> times;
  while (times.size() < 3 || Clock::now() - begin < limit) {
    const auto start = Clock::now();
    call();
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

template <class Value>
void keep(const Value& value) {
  asm volatile("" : : "m"(value) : "memory");
}

__attribute__((target("avx2"))) void read_all(const std::byte* data, size_t bytes) {
  __m256i sums[4] = {};
  for (size_t i = 0; i < bytes; i += sizeof sums)
    for (size_t k = 0; k < 4; ++k)
      sums[k] = _mm256_xor_si256(
          sums[k], _mm256_load_si256(reinterpret_cast<const __m256i*>(data + i + 32 * k)));
  keep(sums);
}

double bandwidth(ThreadPool& pool) {
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::vector<std::unique_ptr<std::byte, Free>> buffers(static_cast<size_t>(pool.threads()));
  for (auto& buffer : buffers) {
    buffer.reset(static_cast<std::byte*>(std::aligned_alloc(4096, kBytes)));
    std::fill_n(buffer.get(), kBytes, std::byte{1});
  }
  constexpr size_t kChunk = size_t{8} << 20;
  constexpr int kChunks = kBytes / kChunk;
  const double time = seconds(std::chrono::milliseconds(300), [&] {
    pool.run(pool.threads() * kChunks, [&](int chunk) {
      read_all(buffers[static_cast<size_t>(chunk / kChunks)].get() + chunk % kChunks * kChunk,
               kChunk);
    });
  });
  return static_cast<double>(kBytes) * pool.threads() / time / 1e9;
}

double product(DType type, ThreadPool& pool) {
  std::vector<float> source(static_cast<size_t>(kOut * kIn));
  for (size_t i = 0; i < source.size(); ++i)
    source[i] = static_cast<float>(i * 2654435761U % 1000) / 1000 - 0.5f;
  WeightMemory memory;
  const auto weight =
      PackedWeight::pack({source.data(), DType::float32, kOut, kIn, kIn}, type, pool, memory);
  std::vector<float> x(static_cast<size_t>(kRows * kIn), 0.01f),
      out(static_cast<size_t>(kRows * kOut));
  pool.step_begin();
  const double time = seconds(std::chrono::milliseconds(200), [&] {
    gemm({out.data(), type, kRows, kOut, kOut}, {x.data(), type, kRows, kIn, kIn}, *weight, nullptr,
         {}, pool);
  });
  pool.step_end();
  return 2.0 * kRows * kOut * kIn / time / 1e9;
}

// Products of registers alone: nothing is read, so this is what the arithmetic units do.
__attribute__((target("avx512f"))) void fma_float32() {
  __m512 sums[kChains] = {};
  for (auto& sum : sums) asm volatile("" : "+v"(sum));  // else sums that are alike become one
  __m512 x = _mm512_set1_ps(0.5f);
  for (int i = 0; i < kPeakSteps; ++i) {
    asm volatile("" : "+v"(x));  // each round is a new one to the compiler
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_fmadd_ps(x, x, sum);
  }
  keep(sums);
}

__attribute__((target("avx512f,avx512bf16"))) void fma_bfloat16() {
  __m512 sums[kChains] = {};
  for (auto& sum : sums) asm volatile("" : "+v"(sum));
  __m512i x = _mm512_set1_epi16(0x3f00);
  for (int i = 0; i < kPeakSteps; ++i) {
    asm volatile("" : "+v"(x));
#pragma GCC unroll 16
    for (auto& sum : sums)
      sum = _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(x));
  }
  keep(sums);
}

// Four sums, as many as a product has at once.
void multiply_tiles() {
  alignas(64) uint16_t half[16][32];
  std::fill_n(half[0], std::size(half) * std::size(half[0]), uint16_t{0x3f00});
  take_tiles();
  tile_load<4>(half, sizeof(half[0]));
  tile_load<5>(half, sizeof(half[0]));
  tile_load<6>(half, sizeof(half[0]));
  tile_load<7>(half, sizeof(half[0]));
  for (int i = 0; i < kPeakSteps; ++i) {
    tile_multiply_add<0, 4, 6>();
    tile_multiply_add<1, 4, 7>();
    tile_multiply_add<2, 5, 6>();
    tile_multiply_add<3, 5, 7>();
  }
  give_tiles_back();
}

/// `operations` are those of one step.
double peak(void (*multiply)(), double operations, ThreadPool& pool) {
  const double time = seconds(std::chrono::milliseconds(50),
                              [&] { pool.run(pool.threads(), [&](int) { multiply(); }); });
  return operations * kPeakSteps * pool.threads() / time / 1e9;
}

void print(const char* name, double value) { std::printf("\"%s\":%.1f,", name, value); }

void measure(int threads) {
  ThreadPool pool(threads);
  std::printf("{");
  print("bandwidth_gb_s", bandwidth(pool));
  print("bf16_gflop_s", product(DType::bfloat16, pool));
  print("f32_gflop_s", product(DType::float32, pool));
  const Isa isa = cpu_isa();
  if (isa == Isa::amx)
    print("bf16_peak_gflop_s", peak(multiply_tiles, 4 * 16 * 16 * 64, pool));
  else if (isa == Isa::avx512_bf16)
    print("bf16_peak_gflop_s", peak(fma_bfloat16, 64 * kChains, pool));
  if (isa >= Isa::avx512) print("f32_peak_gflop_s", peak(fma_float32, 32 * kChains, pool));
  std::printf("\"isa\":\"%s\",\"threads\":%d}\n", to_string(isa).c_str(), threads);
}

}  // namespace
}  // namespace weir::kernels

int main(int argc, char** argv) {
  const int threads =
      argc > 1 ? std::atoi(argv[1]) : static_cast<int>(std::thread::hardware_concurrency());
  if (threads < 1) {
    std::fprintf(stderr, "threads is %s; 1 or more are needed\n", argv[1]);
    return 2;
  }
  weir::kernels::measure(threads);
}
