#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/bf16.h"

namespace weir::kernels {

// A panel of bfloat16 in three quarters of its bytes, and not a bit lost. The high byte of a number
// is its sign and the upper seven bits of its exponent; in a trained weight the sixteen most
// frequent of them are all but some in ten thousand. A coded panel has a head with a book of these
// sixteen, and then units of two steps, each two vectors of numbers: a vector of low bytes for each
// step and one of four-bit codes, places in the book. A number whose high byte is not in the book
// is an escape: it is written over what its code gave. Vectors are those of AVX-512.

constexpr int kCodedVectorBytes = 64;
constexpr int kUnitSteps = 2;
constexpr int kStepVectors = 2;
constexpr int kUnitVectors = kUnitSteps + 1;  // of the three quarters

struct alignas(64) CodedHead {
  std::array<uint8_t, 16> book;
  uint32_t first_escape;  // the panel's first of the weight's
};

struct Escape {
  uint32_t step;   // of its panel; kNoStep ends the panel's
  uint16_t place;  // number `place` of the step
  bf16 value;
};
constexpr uint32_t kNoStep = UINT32_MAX;

/// Of a panel that takes so many bytes uncoded, in whole units.
constexpr size_t coded_bytes(size_t plain) {
  return sizeof(CodedHead) + plain / (kUnitSteps * kStepVectors) * kUnitVectors;
}

/// How many escapes a panel has.
size_t count_escapes(std::span<const bf16> plain);

/// Writes a panel, `plain`, of whole units; returns its escapes, by step, the end among them. The
/// head's first_escape is left to who knows it.
std::vector<Escape> code_panel(std::byte* coded, std::span<const bf16> plain);

}  // namespace weir::kernels
