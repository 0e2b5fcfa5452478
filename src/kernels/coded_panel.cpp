#include "kernels/coded_panel.h"

#include <algorithm>
#include <numeric>

namespace weir::kernels {
namespace {

uint8_t high_byte(bf16 value) { return static_cast<uint8_t>(value.bits >> 8); }

/// The sixteen most frequent high bytes of some numbers, and the place of each.
class Codes {
 public:
  static constexpr uint8_t kNone = 0xff;

  explicit Codes(std::span<const bf16> values) {
    std::array<uint32_t, 256> counts{};
    for (const bf16 value : values) ++counts[high_byte(value)];
    std::array<uint8_t, 256> bytes;
    std::iota(bytes.begin(), bytes.end(), uint8_t{0});
    std::partial_sort_copy(bytes.begin(), bytes.end(), book_.begin(), book_.end(),
                           [&](uint8_t a, uint8_t b) { return counts[a] > counts[b]; });
    codes_.fill(kNone);
    for (uint8_t code = 0; code < book_.size(); ++code) codes_[book_[code]] = code;
  }

  const std::array<uint8_t, 16>& book() const { return book_; }
  uint8_t of(bf16 value) const { return codes_[high_byte(value)]; }

 private:
  std::array<uint8_t, 16> book_;
  std::array<uint8_t, 256> codes_;
};

constexpr int kVectorNumbers = kCodedVectorBytes / 2;

/// Where in a step's vector the low byte of its number `i` lies, and its code in the vector of
/// nibbles. Decoding (gemm_coded_tile.h) puts low and high bytes side by side in lanes of sixteen:
/// the first eight of a lane go to the step's first vector of numbers, the others to its second.
constexpr int byte_of(int i) {
  return i % kVectorNumbers / 8 * 16 + i / kVectorNumbers * 8 + i % 8;
}

}  // namespace

size_t count_escapes(std::span<const bf16> plain) {
  const Codes codes(plain);
  return static_cast<size_t>(std::count_if(
      plain.begin(), plain.end(), [&](bf16 value) { return codes.of(value) == Codes::kNone; }));
}

std::vector<Escape> code_panel(std::byte* coded, std::span<const bf16> plain) {
  const Codes codes(plain);
  new (coded) CodedHead{codes.book(), 0};
  constexpr int kNumbers = kVectorNumbers * kStepVectors;  // of a step
  std::vector<Escape> escapes;
  auto* unit = reinterpret_cast<uint8_t*>(coded + sizeof(CodedHead));
  for (uint32_t step = 0; !plain.empty(); ++step, plain = plain.subspan(kNumbers)) {
    const uint32_t s = step % kUnitSteps;  // of its unit
    uint8_t* low = unit + s * kCodedVectorBytes;
    uint8_t* nibbles = unit + kUnitSteps * kCodedVectorBytes;
    for (int i = 0; i < kNumbers; ++i) {
      const bf16 value = plain[i];
      const int byte = byte_of(i);
      uint8_t code = codes.of(value);
      if (code == Codes::kNone) {
        escapes.push_back({step, static_cast<uint16_t>(i), value});
        code = 0;
      }
      low[byte] = static_cast<uint8_t>(value.bits);
      nibbles[byte] = static_cast<uint8_t>(s == 0 ? code : nibbles[byte] | code << 4);
    }
    if (s + 1 == kUnitSteps) unit += kUnitVectors * kCodedVectorBytes;
  }
  escapes.push_back({kNoStep, 0, {}});
  return escapes;
}

}  // namespace weir::kernels
