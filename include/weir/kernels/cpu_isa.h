#pragma once

#include <cstdint>
#include <string>

#include "weir/base/result.h"

namespace weir::kernels {

/// Each has what those before it have.
enum class Isa : uint8_t { avx2, avx512, avx512_bf16, amx };

/// The best instruction set of this processor, lowered by WEIR_CPU, the name of one. Asks the
/// operating system for the tiles of AMX, which then all threads may use. Errors: a processor
/// without AVX2 and FMA, a WEIR_CPU that is unknown or that the processor has not.
Result<Isa> detect_isa();

/// The one in use: detect_isa(), looked up once. REQUIRES detect_isa() to succeed (checked at
/// start).
Isa cpu_isa();

std::string to_string(Isa isa);

/// What bfloat16 work costs, about, as docs/performance.md has measured it.
struct CpuCosts {
  uint32_t tokens_a_read;          // a prompt's, computed while the weights are read once
  uint32_t products_to_attention;  // arithmetic done in the same time
};
CpuCosts cpu_costs(Isa isa);

}  // namespace weir::kernels
