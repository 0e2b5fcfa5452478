#include "schedule/heartbeat.h"

namespace weir::schedule {
namespace {

constexpr std::chrono::milliseconds kRound{500};

}  // namespace

Heartbeat::Heartbeat() : thread_([this] { count(); }) {}

Heartbeat::~Heartbeat() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

std::chrono::milliseconds Heartbeat::silence() const {
  return rounds_.load(std::memory_order_relaxed) * kRound;
}

void Heartbeat::count() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, kRound, [this] { return stopping_; }))
    rounds_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace weir::schedule
