#include "weir/kernels/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

namespace weir::kernels {
namespace {

// Every chunk exactly once, while the number of chunks changes from region to region.
void check_changing_sizes(ThreadPool& pool, int rounds) {
  std::vector<int> hits(
      24);  // plain: a chunk's writes must be visible to the caller, and only one thread runs it
  for (int round = 0; round < rounds; ++round) {
    const int chunks = round % 23;
    std::fill(hits.begin(), hits.end(), 0);
    pool.run(chunks, [&](int chunk) { ++hits[static_cast<size_t>(chunk)]; });
    for (int i = 0; i < 24; ++i)
      ASSERT_EQ(hits[static_cast<size_t>(i)], i < chunks) << "round " << round << " chunk " << i;
  }
}

TEST(ThreadPool, RunsEveryChunkOnce) {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    check_changing_sizes(pool, 10'000);
  }
}

TEST(ThreadPool, AThreadThatCannotBeHadIsAnException) {
  const auto without_threads = [] {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);  // root has no such limit
    const rlimit one{.rlim_cur = 1, .rlim_max = 1};
    if (setrlimit(RLIMIT_NPROC, &one) != 0) _exit(2);
    try {
      ThreadPool pool(4);
    } catch (const std::system_error&) {
      _exit(0);
    }
    _exit(1);
  };
  EXPECT_EXIT(without_threads(), testing::ExitedWithCode(0), "");
}

TEST(ThreadPool, RunsEveryChunkOnceWhileSpinning) {
  ThreadPool pool(3);
  for (int step = 0; step < 100; ++step) {
    pool.step_begin();
    check_changing_sizes(pool, 100);
    pool.step_end();
  }
}

TEST(ThreadPool, TakesTheMostChunks) {
  ThreadPool pool(2);
  std::atomic<int64_t> sum = 0;
  pool.run(65535, [&](int chunk) { sum += chunk; });
  EXPECT_EQ(sum, 65535LL * 65534 / 2);
  EXPECT_DEATH(pool.run(65536, [](int) {}), "65536 chunks");
}

TEST(ThreadPool, WorkersTakeChunksAndArePrepared) {
  std::atomic<int> prepared = 0;
  ThreadPool pool(3, [&] { ++prepared; });
  std::atomic<int> inside = 0;
  pool.run(3, [&](int) {  // each waits for the others: three threads must be here
    ++inside;
    while (inside < 3) std::this_thread::yield();
  });
  EXPECT_EQ(prepared, 2);
}

TEST(ThreadPool, ExceptionReachesTheCallerAfterAllChunks) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::atomic<int> done = 0;
    const auto task = [&](int chunk) {
      if (chunk == 5) throw std::runtime_error("chunk 5");
      ++done;
    };
    EXPECT_THROW(pool.run(20, task), std::runtime_error);
    EXPECT_EQ(done, 19);
    pool.run(4, task);  // and the pool goes on
    EXPECT_EQ(done, 23);
  }
}

// A thread that is held up in a chunk delays the caller, but no chunk is lost and the pool sleeps
// instead of spinning.
TEST(ThreadPool, WaitsForALateChunk) {
  ThreadPool pool(2);
  pool.step_begin();
  const std::thread::id caller = std::this_thread::get_id();
  for (int round = 0; round < 3; ++round) {
    std::atomic<bool> slept = false, started = false;
    pool.run(2, [&](int) {
      if (std::this_thread::get_id() == caller) {
        while (!started) std::this_thread::yield();
        return;
      }
      started = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      slept = true;
    });
    EXPECT_TRUE(slept);
  }
  pool.step_end();
  check_changing_sizes(pool, 1000);
}

}  // namespace
}  // namespace weir::kernels
