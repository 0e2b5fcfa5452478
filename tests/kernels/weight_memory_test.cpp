#include "weir/kernels/weight_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace weir::kernels {
namespace {

bool is_zero(const std::byte* data, size_t bytes) {
  return std::all_of(data, data + bytes, [](std::byte b) { return b == std::byte{0}; });
}

TEST(WeightMemory, WeightsLieOneBehindTheOtherOnHugePages) {
  WeightMemory memory;
  const auto first = memory.take(100), second = memory.take(64), third = memory.take(1);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first.get()) % (2 << 20), 0u);
  EXPECT_EQ(second.get() - first.get(), 128);
  EXPECT_EQ(third.get() - second.get(), 64);
  EXPECT_TRUE(is_zero(first.get(), 192));
}

TEST(WeightMemory, OneLargerThanABlockHasItsOwn) {
  WeightMemory memory;
  constexpr size_t kBytes = (size_t{65} << 20) + 3;
  const auto small = memory.take(64), large = memory.take(kBytes);
  large.get()[kBytes - 1] = std::byte{1};
  EXPECT_TRUE(is_zero(small.get(), 64));
  EXPECT_EQ(memory.take(64).get() - large.get(), (size_t{65} << 20) + 64);
}

TEST(WeightMemory, WhatIsTakenOutlivesTheMemory) {
  std::shared_ptr<std::byte> kept;
  {
    WeightMemory memory;
    memory.take(4096).get()[0] = std::byte{7};
    kept = memory.take(4096);
  }
  EXPECT_TRUE(is_zero(kept.get(), 4096));
}

TEST(WeightMemory, ABlockThatNobodyHoldsIsNotGivenOutAgain) {
  WeightMemory memory;
  memory.take(4096).get()[0] = std::byte{7};
  const auto next = memory.take(4096);
  EXPECT_TRUE(is_zero(next.get(), 4096));
}

}  // namespace
}  // namespace weir::kernels
