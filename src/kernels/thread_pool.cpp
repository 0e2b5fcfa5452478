#include "weir/kernels/thread_pool.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "weir/base/last_words.h"

namespace weir::kernels {
namespace {

using Word = std::atomic<uint32_t>;
using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

// Around 20 us: longer than the gap between two regions of a step, far shorter than a time slice.
constexpr int kSpins = 2000;
// After a region that waited for a preempted thread, so many regions are run without spinning.
constexpr uint32_t kCalmRegions = 256;
// A thread that answers a client is on a core for less than that, another program's for longer.
constexpr std::chrono::microseconds kLate{1000};

void futex_wait(Word& word, uint32_t seen) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

void futex_wake(Word& word, int threads) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

// epoch (32 bits) | chunks (16) | next (16). One word, so that a claim is valid for exactly one
// region: a late worker cannot take a chunk of the next region by the bound of the last.
constexpr uint64_t pack(uint32_t epoch, uint32_t chunks) {
  return uint64_t{epoch} << 32 | uint64_t{chunks} << 16;
}
constexpr uint32_t epoch_of(uint64_t claim) { return static_cast<uint32_t>(claim >> 32); }
constexpr uint32_t chunks_of(uint64_t claim) { return claim >> 16 & 0xffff; }
constexpr uint32_t next_of(uint64_t claim) { return claim & 0xffff; }

}  // namespace

class ThreadPool::State {
 public:
  State(int threads, std::function<void()> prepare) : prepare_(std::move(prepare)) {
    try {
      for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      end();  // those that could be started
      throw;
    }
  }

  ~State() { end(); }

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  void run(int chunks, const std::function<void(int)>& task) {
    if (chunks < 0 || chunks >= 65536) {
      last_words("a region has " + std::to_string(chunks) + " chunks; a pool takes 0 to 65535\n");
      std::abort();
    }
    if (chunks <= 1 || workers_.empty()) {
      for (int i = 0; i < chunks; ++i) call(task, i);
    } else {
      share(static_cast<uint32_t>(chunks), task);
    }
    if (std::exception_ptr thrown = std::exchange(thrown_, nullptr)) {
      has_thrown_.store(false, std::memory_order_relaxed);
      std::rethrow_exception(std::move(thrown));
    }
  }

  void set_open(bool open) { open_.store(open, std::memory_order_relaxed); }

 private:
  void end() {
    stop_.store(true);
    epoch_.fetch_add(1);
    futex_wake(epoch_, threads());
    for (std::thread& worker : workers_) worker.join();
  }

  void share(uint32_t chunks, const std::function<void(int)>& task) {
    task_.store(&task, std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
    const uint32_t epoch = epoch_.load(std::memory_order_relaxed) + 1;
    claim_.store(pack(epoch, chunks), std::memory_order_release);
    epoch_.store(epoch, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) {
      futex_wake(epoch_, static_cast<int>(std::min<uint32_t>(chunks - 1, workers_.size())));
    }
    const Time begin = Clock::now();
    const uint32_t own = take(epoch);
    const Time waiting = Clock::now();
    wait_for(chunks);
    note_wait(Clock::now() - waiting, own == 0 ? Clock::duration{} : (waiting - begin) / own);
  }

  // A chunk of another thread that outlasts the caller's own by far belongs to a preempted thread.
  void note_wait(Clock::duration wait, Clock::duration own_chunk) {
    const uint32_t calm = calm_.load(std::memory_order_relaxed);
    if (wait > std::max<Clock::duration>(kLate, 4 * own_chunk)) {
      calm_.store(kCalmRegions, std::memory_order_relaxed);
    } else if (calm > 0) {
      calm_.store(calm - 1, std::memory_order_relaxed);
    }
  }

  // Waits for the chunks that workers are inside.
  void wait_for(uint32_t chunks) {
    for (int spin = 0; spin < kSpins; ++spin) {
      if (done_.load(std::memory_order_acquire) == chunks) return;
      __builtin_ia32_pause();
    }
    waiting_.store(true, std::memory_order_seq_cst);
    for (;;) {
      const uint32_t done = done_.load(std::memory_order_seq_cst);
      if (done == chunks) break;
      futex_wait(done_, done);
    }
    waiting_.store(false, std::memory_order_relaxed);
  }

  // Runs chunks of region `epoch` until none is left; how many.
  uint32_t take(uint32_t epoch) {
    for (uint32_t taken = 0;; ++taken) {
      uint64_t claim = claim_.load(std::memory_order_acquire);
      do {
        if (epoch_of(claim) != epoch || next_of(claim) >= chunks_of(claim)) return taken;
      } while (!claim_.compare_exchange_weak(claim, claim + 1, std::memory_order_acq_rel,
                                             std::memory_order_acquire));
      // Read only now: with a chunk claimed the caller cannot leave run() before this one is done.
      call(*task_.load(std::memory_order_relaxed), static_cast<int>(next_of(claim)));
      const uint32_t done = done_.fetch_add(1, std::memory_order_seq_cst) + 1;
      if (done == chunks_of(claim) && waiting_.load(std::memory_order_seq_cst))
        futex_wake(done_, 1);
    }
  }

  void call(const std::function<void(int)>& task, int chunk) {
    try {
      task(chunk);
    } catch (...) {
      if (!has_thrown_.exchange(true)) thrown_ = std::current_exception();
    }
  }

  void work() {
    if (prepare_) prepare_();
    for (uint32_t seen = 0;;) {
      wait_for_region(seen);
      if (stop_.load()) return;
      seen = epoch_.load(std::memory_order_acquire);
      take(seen);
    }
  }

  void wait_for_region(uint32_t seen) {
    for (int spin = 0; epoch_.load(std::memory_order_acquire) == seen;) {
      if (may_spin() && ++spin < kSpins) {
        __builtin_ia32_pause();
        continue;
      }
      sleepers_.fetch_add(1, std::memory_order_seq_cst);
      futex_wait(epoch_, seen);
      sleepers_.fetch_sub(1, std::memory_order_seq_cst);
      spin = 0;
    }
  }

  bool may_spin() const {
    return open_.load(std::memory_order_relaxed) && calm_.load(std::memory_order_relaxed) == 0;
  }

  const std::function<void()> prepare_;
  alignas(64) std::atomic<uint64_t> claim_{0};
  alignas(64) Word done_{0};
  std::atomic<bool> waiting_{false};
  alignas(64) Word epoch_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<const std::function<void(int)>*> task_{nullptr};
  std::atomic<bool> stop_{false}, open_{false};
  std::atomic<uint32_t> calm_{0};  // regions left before workers may spin again
  std::atomic<bool> has_thrown_{false};
  std::exception_ptr thrown_;
  std::vector<std::thread> workers_;
};

ThreadPool::ThreadPool(int threads, std::function<void()> prepare)
    : state_(std::make_unique<State>(threads, std::move(prepare))) {}
ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const { return state_->threads(); }
void ThreadPool::run(int chunks, const std::function<void(int)>& task) {
  state_->run(chunks, task);
}
void ThreadPool::step_begin() { state_->set_open(true); }
void ThreadPool::step_end() { state_->set_open(false); }

}  // namespace weir::kernels
