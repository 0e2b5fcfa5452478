#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "weir/base/result.h"
#include "weir/kernels/view.h"

namespace weir::kernels {

/// Each has what those before it have.
enum class Isa : uint8_t { avx2, avx512, avx512_bf16, amx };
inline constexpr std::array kIsas{Isa::avx2, Isa::avx512, Isa::avx512_bf16, Isa::amx};

/// The last that this processor has. Asks the operating system for the tiles of AMX where there are
/// any: all threads may use them then, and their signal stacks must have room for them. Errors: a
/// processor without AVX2 and FMA.
Result<Isa> last_isa();

/// The fastest that this processor has, or the one that WEIR_CPU names. Errors: those of
/// last_isa(), a WEIR_CPU that is unknown or that the processor has not.
Result<Isa> detect_isa();

/// The one in use: detect_isa(), looked up once. REQUIRES detect_isa() to succeed (checked at
/// start).
Isa cpu_isa();

std::string to_string(Isa isa);

/// What work on numbers of a type costs, about.
struct CpuCosts {
  uint32_t tokens_a_read = 8;          // a prompt's, computed while the weights are read once
  uint32_t products_to_attention = 2;  // arithmetic done in the same time
  uint32_t bits_a_weight = 32;         // of a packed weight that training made
};
CpuCosts cpu_costs(Isa isa, DType type);

}  // namespace weir::kernels
