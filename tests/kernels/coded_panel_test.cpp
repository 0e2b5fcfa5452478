#include "kernels/coded_panel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/matrix.h"

namespace weir::kernels {
namespace {

/// Number by number, what the tile does by vectors (gemm_coded_tile.h).
std::vector<bf16> decode(const CodedHead* head, const std::vector<Escape>& escapes, size_t count) {
  const auto* unit = reinterpret_cast<const uint8_t*>(head + 1);
  const Escape* escape = escapes.data() + head->first_escape;
  std::vector<bf16> out;
  for (uint32_t step = 0; out.size() < count; ++step) {
    const size_t begin = out.size();
    const int s = static_cast<int>(step % kUnitSteps);
    for (int v = 0; v < kStepVectors; ++v)
      for (int i = 0; i < kCodedVectorBytes / 2; ++i) {
        const int byte = i / 8 * 16 + v * 8 + i % 8;
        const uint8_t low = unit[s * kCodedVectorBytes + byte];
        const uint8_t code = unit[kUnitSteps * kCodedVectorBytes + byte] >> (s * 4) & 15;
        out.push_back({static_cast<uint16_t>(head->book[code] << 8 | low)});
      }
    for (; escape->step == step; ++escape) out[begin + escape->place] = escape->value;
    if (s == kUnitSteps - 1) unit += kUnitVectors * kCodedVectorBytes;
  }
  EXPECT_EQ(escape->step, kNoStep);
  return out;
}

std::vector<bf16> normal(size_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> spread(0, 0.02f);
  std::vector<bf16> values(count);
  for (bf16& value : values) value.bits = testing::to_bf16(spread(engine));
  return values;
}

/// Codes `plain` and decodes it; the number of escapes.
size_t round_trip(const std::vector<bf16>& plain) {
  std::vector<CodedHead> coded(coded_bytes(plain.size() * sizeof(bf16)) / sizeof(CodedHead));
  const auto escapes = code_panel(reinterpret_cast<std::byte*>(coded.data()), plain);
  EXPECT_EQ(escapes.size(), count_escapes(plain) + 1);
  const auto decoded = decode(coded.data(), escapes, plain.size());
  EXPECT_EQ(decoded.size(), plain.size());
  for (size_t i = 0; i < plain.size(); ++i)
    EXPECT_EQ(decoded[i].bits, plain[i].bits) << "number " << i;
  return escapes.size() - 1;
}

TEST(CodedPanel, WeightsComeBackAsTheyWere) {
  const size_t escapes = round_trip(normal(576 * 32, 1));
  EXPECT_LE(escapes, 576 * 32 / 2000);
}

TEST(CodedPanel, EveryPatternOfBitsComesBack) {
  std::vector<bf16> all(1 << 16);
  for (size_t i = 0; i < all.size(); ++i) all[i].bits = static_cast<uint16_t>(i);
  EXPECT_EQ(round_trip(all), all.size() / 256 * 240);
}

TEST(CodedPanel, EscapesStandAnywhere) {
  std::vector<bf16> values(512);  // of sixteen high bytes
  for (size_t i = 0; i < values.size(); ++i)
    values[i].bits = static_cast<uint16_t>((0x30 + i % 16) << 8 | i % 256);
  EXPECT_EQ(round_trip(values), 0U);
  for (const size_t place : {0, 1, 63, 127, 128, 500, 511}) {
    auto with = values;
    with[place].bits = 0x7f80;  // infinity
    EXPECT_EQ(round_trip(with), 1U);
  }
}

}  // namespace
}  // namespace weir::kernels
