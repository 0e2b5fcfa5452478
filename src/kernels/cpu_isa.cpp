#include "weir/kernels/cpu_isa.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "weir/base/last_words.h"

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

// Linux gives a process the tiles' registers only when asked; kernels before 5.16, or a signal
// stack too small for them, refuse.
bool tiles_allowed() {
  constexpr long kAskForRegisters = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XCR0's bit
  return syscall(SYS_arch_prctl, kAskForRegisters, kTileData) == 0;
}

// Emerald Rapids begins one vdpbf16ps in two cycles, or four fused multiply-adds (measured: 96
// against 190 GFLOP/s a core), so widened numbers are faster there; by AVX512-FP16 it and Intel's
// cores of its kind are told from Cooper Lake. Zen 4 does a vdpbf16ps in the time of one
// multiply-add.
bool multiplies_pairs_slowly() {
  const Leaf vendor = cpuid(0, 0);
  return vendor.b == signature_INTEL_ebx && has(cpuid(7, 0).d, 23);
}

}  // namespace

Result<Isa> last_isa() {
  const Leaf one = cpuid(1, 0), seven = cpuid(7, 0), seven_one = cpuid(7, 1);
  const uint64_t saved = has(one.c, 27) ? saved_registers() : 0;
  const bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6;
  const bool tmm = (saved & 0x60000) == 0x60000;
  const bool avx2 = ymm && has(one.c, 28) && has(one.c, 12) && has(one.c, 29) && has(seven.b, 5);
  if (!avx2)
    return invalid("this processor has no AVX2 with FMA and F16C; weir needs them (x86-64-v3)");
  const bool avx512 =
      zmm && has(seven.b, 16) && has(seven.b, 17) && has(seven.b, 30) && has(seven.b, 31);
  if (!avx512) return Isa::avx2;
  if (!has(seven_one.a, 5)) return Isa::avx512;
  const bool amx = tmm && has(seven.d, 22) && has(seven.d, 24);  // bfloat16 of tiles, tiles
  return amx && tiles_allowed() ? Isa::amx : Isa::avx512_bf16;
}

Result<Isa> detect_isa() {
  Result<Isa> last = last_isa();
  if (!last) return last;
  const char* forced = std::getenv("WEIR_CPU");
  if (forced == nullptr || *forced == '\0')
    return *last == Isa::avx512_bf16 && multiplies_pairs_slowly() ? Isa::avx512 : *last;
  const auto wanted =
      std::ranges::find_if(kIsas, [&](Isa one) { return to_string(one) == forced; });
  if (wanted == kIsas.end())
    return invalid(
        "WEIR_CPU is \"" + std::string(forced) + "\"; it takes avx2, avx512, avx512_bf16 or amx",
        "WEIR_CPU");
  if (*wanted > *last)
    return invalid(
        "WEIR_CPU is " + to_string(*wanted) + "; this processor has at best " + to_string(*last),
        "WEIR_CPU");
  return *wanted;
}

Isa cpu_isa() {
  static const Isa isa = [] {
    const Result<Isa> found = detect_isa();
    if (found) return *found;
    last_words(found.error().message + '\n');
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
    case Isa::amx:
      return "amx";
  }
  return "?";
}

CpuCosts cpu_costs(Isa isa, DType type) {
  if (type == DType::float32) return {};
  CpuCosts costs{.bits_a_weight = isa >= Isa::avx512 ? 12u : 16u};
  if (isa == Isa::amx) costs.tokens_a_read = 24, costs.products_to_attention = 4;
  return costs;
}

}  // namespace weir::kernels
