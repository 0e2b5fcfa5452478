#include "http/worker_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

namespace weir::http {
namespace {

constexpr int kComfortable = 64;

bool soon(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000 && !holds(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return holds();
}

class WorkerThreadsTest : public testing::Test {
 protected:
  void block(int jobs) {
    for (int i = 0; i < jobs; ++i) {
      EXPECT_TRUE(pool_.enqueue([this] {
        ++running_;
        end_.wait();
        --running_;
      }));
    }
    blocked_ += jobs;
    EXPECT_TRUE(soon([&] { return running_ == blocked_; })) << running_;
  }
  ~WorkerThreadsTest() override {
    release();
    pool_.shutdown();
    EXPECT_EQ(running_, 0);
    EXPECT_TRUE(closed_);
  }

  void release() {
    if (!std::exchange(released_, true)) end_.count_down();
  }

  std::latch end_{1};
  int blocked_ = 0;
  bool released_ = false;
  std::atomic<int> running_ = 0;
  bool closed_ = false;
  WorkerThreads pool_{100, 1000, [this] { closed_ = true; }};
};

TEST_F(WorkerThreadsTest, JobsThatBlockHoldUpNoOthers) {
  block(90);
  std::atomic<bool> ran = false;
  EXPECT_TRUE(pool_.enqueue([&] { ran = true; }));
  EXPECT_TRUE(soon([&] { return ran.load(); }));
}

TEST_F(WorkerThreadsTest, AboveTheComfortableNumberOneIsSpare) {
  EXPECT_TRUE(pool_.has_spare());
  block(kComfortable);
  EXPECT_TRUE(soon([&] { return pool_.has_spare(); }));
  block(10);
  EXPECT_TRUE(soon([&] { return pool_.has_spare(); }));
}

TEST_F(WorkerThreadsTest, NoMoreThreadsThanAllowed) {
  block(100);
  EXPECT_FALSE(pool_.has_spare());
  std::atomic<bool> ran = false;
  EXPECT_TRUE(pool_.enqueue([&] { ran = true; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(ran);
  release();
  EXPECT_TRUE(soon([&] { return ran.load(); }));
}

TEST_F(WorkerThreadsTest, JobsThatManyBringAtOnceAllRun) {
  constexpr int kEach = 200, kBringers = 4;
  block(kComfortable - 2);
  std::atomic<int> ran = 0;
  std::vector<std::thread> bringers;
  for (int i = 0; i < kBringers; ++i)
    bringers.emplace_back([&] {
      for (int k = 0; k < kEach; ++k) EXPECT_TRUE(pool_.enqueue([&] { ++ran; }));
    });
  for (std::thread& each : bringers) each.join();
  EXPECT_TRUE(soon([&] { return ran == kEach * kBringers; })) << ran;
}

TEST_F(WorkerThreadsTest, TooManyThatWaitAreRefused) {
  block(100);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(pool_.enqueue([] {}));
  EXPECT_FALSE(pool_.enqueue([] {}));
}

}  // namespace
}  // namespace weir::http
