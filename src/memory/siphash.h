#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace weir::memory {

/// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, https://github.com/veorq/SipHash),
/// fed piece by piece.
class SipHash128 {
 public:
  explicit SipHash128(std::array<uint64_t, 2> key)
      : v0_(key[0] ^ 0x736f6d6570736575),
        v1_(key[1] ^ 0x646f72616e646f6d ^ 0xee),
        v2_(key[0] ^ 0x6c7967656e657261),
        v3_(key[1] ^ 0x7465646279746573) {}

  void add(uint64_t word) {
    v3_ ^= word;
    rounds(2);
    v0_ ^= word;
    length_ += 8;
  }

  /// The last piece, of any length, and the end.
  std::array<uint64_t, 2> finish(std::span<const std::byte> bytes) {
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
      uint64_t word;
      std::memcpy(&word, bytes.data(), 8);
      add(word);
    }
    length_ += bytes.size();
    uint64_t last = length_ << 56;
    for (size_t i = 0; i < bytes.size(); ++i)
      last |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
    v3_ ^= last;
    rounds(2);
    v0_ ^= last;
    v2_ ^= 0xee;
    rounds(4);
    const uint64_t low = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xdd;
    rounds(4);
    return {low, v0_ ^ v1_ ^ v2_ ^ v3_};
  }

 private:
  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0_ += v1_;
      v1_ = std::rotl(v1_, 13) ^ v0_;
      v0_ = std::rotl(v0_, 32);
      v2_ += v3_;
      v3_ = std::rotl(v3_, 16) ^ v2_;
      v0_ += v3_;
      v3_ = std::rotl(v3_, 21) ^ v0_;
      v2_ += v1_;
      v1_ = std::rotl(v1_, 17) ^ v2_;
      v2_ = std::rotl(v2_, 32);
    }
  }

  uint64_t v0_, v1_, v2_, v3_;
  uint64_t length_ = 0;
};

}  // namespace weir::memory
