#pragma once

#include <array>
#include <cstdint>

namespace weir::kernels {

/// Philox4x32-10, a random number from a counter (Salmon et al., "Parallel random numbers: as easy
/// as 1, 2, 3", SC 2011).
constexpr std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter,
                                             std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

/// The uniform number in [0, 1) of a sequence's draw: counter (draw, 0), key seed, low words first;
/// 24 bits of the first word, so that it is the same number in float32 on every device.
constexpr float uniform(uint64_t seed, uint64_t draw) {
  const auto words =
      philox4x32({static_cast<uint32_t>(draw), static_cast<uint32_t>(draw >> 32), 0, 0},
                 {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  return static_cast<float>(words[0] >> 8) * 0x1p-24f;
}

}  // namespace weir::kernels
