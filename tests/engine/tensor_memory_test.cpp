#include "engine/tensor_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace weir::engine {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

TEST(TensorMemory, ALargeBlockIsTakenAgain) {
  TensorMemory memory;
  void* first = nullptr;
  {
    auto block = memory.allocate(3 * kMiB);
    first = block.get();
    std::memset(first, 1, 3 * kMiB);
    EXPECT_EQ(memory.kept(), 0u);
  }
  EXPECT_EQ(memory.kept(), 3 * kMiB);
  auto smaller = memory.allocate(3 * kMiB - 5000);
  EXPECT_EQ(smaller.get(), first);
  EXPECT_EQ(memory.kept(), 0u);
}

TEST(TensorMemory, ALittleMoreThanBeforeTakesTheSameBlock) {
  TensorMemory memory;
  void* first = nullptr;
  {
    auto block = memory.allocate(9 * kMiB);
    first = block.get();
  }
  auto larger = memory.allocate(9 * kMiB + 700'000);
  EXPECT_EQ(larger.get(), first);
}

TEST(TensorMemory, NotForWhatIsMuchSmaller) {
  TensorMemory memory;
  memory.allocate(8 * kMiB).clear();
  auto block = memory.allocate(kMiB);
  EXPECT_EQ(memory.kept(), 8 * kMiB);
}

TEST(TensorMemory, KeepsNoMoreThanItMay) {
  TensorMemory memory(10 * kMiB);
  std::vector<c10::DataPtr> blocks;
  for (size_t i = 0; i < 6; ++i) blocks.push_back(memory.allocate(4 * kMiB));
  blocks.clear();
  EXPECT_EQ(memory.kept(), 8 * kMiB);
  memory.allocate(12 * kMiB).clear();
  EXPECT_EQ(memory.kept(), 0u);
}

TEST(TensorMemory, WhatNoStepWantsAnyMoreGoes) {
  TensorMemory memory(16 * kMiB, 2);
  memory.allocate(kMiB).clear();
  memory.allocate(4 * kMiB).clear();
  for (int step = 0; step < 5; ++step) {
    memory.next_step();
    memory.allocate(kMiB).clear();
    EXPECT_EQ(memory.kept(), step < 2 ? 5 * kMiB : kMiB) << step;
  }
}

TEST(TensorMemory, SmallAndEmptyOnesAreNotKept) {
  TensorMemory memory;
  EXPECT_EQ(memory.allocate(0).get(), nullptr);
  auto small = memory.allocate(100);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(small.get()) % 64, 0u);
  small.clear();
  EXPECT_EQ(memory.kept(), 0u);
}

TEST(TensorMemory, ThreadsShareIt) {
  TensorMemory memory(16 * kMiB);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([&memory, t] {
      for (size_t i = 0; i < 200; ++i) {
        auto block = memory.allocate((1 + (t + i) % 5) * kMiB);
        static_cast<char*>(block.get())[0] = static_cast<char>(t);
        EXPECT_EQ(static_cast<char*>(block.get())[0], static_cast<char>(t));
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(memory.kept(), 16 * kMiB);
}

}  // namespace
}  // namespace weir::engine
