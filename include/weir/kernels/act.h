#pragma once

#include <cstdint>

namespace weir::kernels {

/// A function of single numbers. gelu: x (1 + erf(x / sqrt 2)) / 2; gelu_tanh: its tanh form; silu:
/// x sigmoid(x).
enum class Act : uint8_t { none, gelu, gelu_tanh, tanh, relu, silu };

/// Whether it is known to gate: act(the gate's number) times a number.
constexpr bool is_gate(Act act) { return act != Act::none && act != Act::tanh; }

}  // namespace weir::kernels
