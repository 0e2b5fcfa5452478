#include "weir/kernels/cpu_isa.h"

#include <cpuid.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace weir::kernels {
namespace {

struct Leaf {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Leaf cpuid(uint32_t leaf, uint32_t sub) {
  Leaf out;
  if (!__get_cpuid_count(leaf, sub, &out.a, &out.b, &out.c, &out.d)) return {};
  return out;
}

constexpr bool has(uint32_t word, int bit) { return (word >> bit & 1) != 0; }

// Which registers the operating system saves: XCR0. REQUIRES OSXSAVE.
uint64_t saved_registers() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

Result<Isa> best() {
  const Leaf one = cpuid(1, 0), seven = cpuid(7, 0), seven_one = cpuid(7, 1);
  const uint64_t saved = has(one.c, 27) ? saved_registers() : 0;
  const bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6;
  const bool avx2 = ymm && has(one.c, 28) && has(one.c, 12) && has(one.c, 29) && has(seven.b, 5);
  if (!avx2)
    return invalid("this processor has no AVX2 with FMA and F16C; weir needs them (x86-64-v3)");
  const bool avx512 =
      zmm && has(seven.b, 16) && has(seven.b, 17) && has(seven.b, 30) && has(seven.b, 31);
  if (!avx512) return Isa::avx2;
  return has(seven_one.a, 5) ? Isa::avx512_bf16 : Isa::avx512;
}

}  // namespace

Result<Isa> detect_isa() {
  Result<Isa> isa = best();
  const char* forced = std::getenv("WEIR_CPU");
  if (!isa || forced == nullptr || *forced == '\0') return isa;
  const std::string_view name = forced;
  if (name == "avx2") return Isa::avx2;
  if (name != "avx512") {
    return invalid("WEIR_CPU is \"" + std::string(name) + "\"; it takes avx2 or avx512",
                   "WEIR_CPU");
  }
  if (*isa == Isa::avx2)
    return invalid("WEIR_CPU is avx512; this processor has only AVX2", "WEIR_CPU");
  return Isa::avx512;
}

Isa cpu_isa() {
  static const Isa isa = [] {
    const Result<Isa> found = detect_isa();
    if (found) return *found;
    std::fprintf(stderr, "%s\n", found.error().message.c_str());
    std::abort();
  }();
  return isa;
}

std::string to_string(Isa isa) {
  switch (isa) {
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512_bf16:
      return "avx512_bf16";
  }
  return "?";
}

}  // namespace weir::kernels
