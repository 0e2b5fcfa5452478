#include "weir/base/log_writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace weir {
namespace {

constexpr int kLookMs = 100;  // how often a writer that waits for its reader looks whether to stop
// After a batch the thread leaves lines alone for so long: to wake it for each would cost whoever
// logs more than the line does.
constexpr std::chrono::milliseconds kRest{5};

/// Waits until `file` takes PIPE_BUF bytes, or `stop`. Returns whether it does.
bool wait_for_room(int file, const std::atomic<bool>& stop) {
  while (!stop.load()) {
    pollfd entry{.fd = file, .events = POLLOUT, .revents = 0};
    const int ready = poll(&entry, 1, kLookMs);
    if (ready > 0) return (entry.revents & POLLOUT) != 0 && !stop.load();
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

/// A pipe that has room takes PIPE_BUF bytes without blocking; more at once might block.
bool write_all(int file, const std::string& text, const std::atomic<bool>& stop) {
  for (size_t done = 0; done < text.size();) {
    if (!wait_for_room(file, stop)) return false;
    const size_t some = std::min<size_t>(text.size() - done, PIPE_BUF);
    const ssize_t written = write(file, text.data() + done, some);
    if (written < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (written > 0) done += static_cast<size_t>(written);
  }
  return true;
}

}  // namespace

class LogWriter::State {
 public:
  explicit State(Options options) : options_(std::move(options)) {}

  void put(std::string line) {
    {
      std::lock_guard lock(mutex_);
      if (bytes_ + line.size() > options_.most_bytes) {
        ++dropped_;
        ++untold_;
        return;
      }
      bytes_ += line.size();
      waiting_.push_back({std::move(line), std::exchange(untold_, 0)});
      if (!std::exchange(asleep_, false)) return;
    }
    wake_.notify_one();
  }

  bool drain(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    ++draining_;
    wake_.notify_one();
    const bool drained = idle_.wait_for(lock, limit, [this] { return waiting_.empty() && !busy_; });
    --draining_;
    return drained;
  }

  uint64_t dropped() const { return dropped_.load(); }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (wait_for_lines(lock)) {
      std::deque<Entry> taken;
      taken.swap(waiting_);
      busy_ = true;
      lock.unlock();
      write(taken);
      lock.lock();
      busy_ = false;
      if (waiting_.empty() && untold_ > 0)  // nobody may log again to tell it
        waiting_.push_back({"", std::exchange(untold_, 0)});
      if (waiting_.empty()) idle_.notify_all();
      wake_.wait_for(lock, kRest, [this] { return stop_ || draining_ > 0; });
    }
  }

 private:
  struct Entry {
    std::string line;
    uint64_t dropped_before = 0;
  };

  /// Returns false where it is to stop.
  bool wait_for_lines(std::unique_lock<std::mutex>& lock) {
    asleep_ = waiting_.empty();
    wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    asleep_ = false;
    return !stop_;
  }

  /// As many lines at once as the descriptor takes.
  void write(const std::deque<Entry>& entries) {
    std::string text;
    size_t lines = 0, bytes = 0;
    const auto pass_on = [&] {
      if (!write_all(options_.file, text, stop_)) dropped_ += lines;
      std::lock_guard lock(mutex_);
      bytes_ -= bytes;
      text.clear();
      lines = bytes = 0;
    };
    for (const Entry& entry : entries) {
      if (lines > 0 && text.size() + entry.line.size() > PIPE_BUF) pass_on();
      if (entry.dropped_before > 0 && options_.dropped_line)
        text += options_.dropped_line(entry.dropped_before);
      text += entry.line;
      bytes += entry.line.size();
      ++lines;
    }
    pass_on();
  }

  const Options options_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> dropped_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::deque<Entry> waiting_;
  size_t bytes_ = 0;     // of the lines that are not written
  uint64_t untold_ = 0;  // lines that were dropped since the last that was taken
  bool busy_ = false;    // the thread holds lines
  bool asleep_ = false;  // it waits to be woken by the next line
  int draining_ = 0;     // calls of drain() that wait
};

LogWriter::LogWriter(Options options) : state_(std::make_shared<State>(std::move(options))) {
  std::thread([state = state_] { state->run(); }).detach();
}

LogWriter::~LogWriter() { state_->stop(); }

void LogWriter::put(std::string line) { state_->put(std::move(line)); }

bool LogWriter::drain(std::chrono::milliseconds limit) { return state_->drain(limit); }

uint64_t LogWriter::dropped() const { return state_->dropped(); }

}  // namespace weir
