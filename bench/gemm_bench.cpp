// Products of SmolLM2-135M's and MiniLM-L6's shapes: gemm_bench [threads] [float32|bfloat16]
// [avx2|avx512|avx512_bf16|amx]. Weights are read cold: copies larger than the last level of cache
// take turns. Time is that of one product.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "kernels/pack.h"
#include "weir/kernels/cpu_isa.h"
#include "weir/kernels/gemm.h"
#include "weir/kernels/thread_pool.h"
#include "weir/kernels/weight_memory.h"

namespace weir::kernels {
namespace {

struct Shape {
  const char* name;
  int64_t out, in;
};

constexpr Shape kShapes[] = {{"qkv", 960, 576},        {"o", 576, 576},
                             {"gate_up", 3072, 576},   {"down", 576, 1536},
                             {"lm_head", 49152, 576},  {"bert qkv", 1152, 384},
                             {"bert o", 384, 384},     {"bert up", 1536, 384},
                             {"bert down", 384, 1536}, {"8192x2048", 8192, 2048}};
constexpr int64_t kRowCounts[] = {1, 2, 4, 8, 16, 32, 64, 128, 512};
constexpr size_t kColdBytes = size_t{160} << 20;

struct Times {
  double best, median;
};

template <class Call>
Times microseconds(Call call) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  std::vector<double> times;
  while (times.size() < 9 ||
         (Clock::now() - begin < std::chrono::milliseconds(150) && times.size() < 2000)) {
    const auto start = Clock::now();
    call();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

void measure(const Shape& shape, DType type, Isa isa, ThreadPool& pool) {
  const auto values = static_cast<size_t>(shape.out * shape.in);
  std::vector<float> source(values);
  for (size_t i = 0; i < values; ++i)
    source[i] = static_cast<float>(i * 2654435761U % 1000) / 1000 - 0.5f;
  const ConstRows rows(source.data(), DType::float32, shape.out, shape.in, shape.in);
  WeightMemory memory;
  std::vector<std::unique_ptr<PackedWeight>> copies;
  const auto count = kColdBytes / (values * size_of(type)) + 1;
  while (copies.size() < count) copies.push_back(pack_weight(isa, {rows}, type, pool, memory));

  for (const int64_t m : kRowCounts) {
    std::vector<float> x(static_cast<size_t>(m * shape.in), 0.01f),
        out(static_cast<size_t>(m * shape.out));
    size_t next = 0;
    pool.step_begin();
    const auto [best, median] = microseconds([&] {
      gemm({out.data(), type, m, shape.out, shape.out}, {x.data(), type, m, shape.in, shape.in},
           *copies[next++ % copies.size()], nullptr, {}, pool);
    });
    pool.step_end();
    const double flop = 2.0 * static_cast<double>(m) * static_cast<double>(values);
    const double bytes = static_cast<double>(values * size_of(type));
    std::printf(
        "%-9s %6ld x %-5ld m %-4ld best %8.1f us median %8.1f us %6.1f GB/s %6.1f GFLOP/s\n",
        shape.name, shape.out, shape.in, m, best, median, bytes / median / 1e3,
        flop / median / 1e3);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace weir::kernels

int main(int argc, char** argv) {
  using namespace weir::kernels;
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const std::string type = argc > 2 ? argv[2] : "float32", name = argc > 3 ? argv[3] : "";
  Isa isa = cpu_isa();
  for (const Isa one : kIsas)
    if (to_string(one) == name) isa = one;
  ThreadPool pool(threads);
  std::printf("%d threads, %s, %s\n", threads, type.c_str(), to_string(isa).c_str());
  for (const Shape& shape : kShapes)
    measure(shape, type == "bfloat16" ? DType::bfloat16 : DType::float32, isa, pool);
}
