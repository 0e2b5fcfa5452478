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
    }
    wake_.notify_one();
  }

  bool drain(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return idle_.wait_for(lock, limit, [this] { return waiting_.empty() && !busy_; });
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
    while (!stop_) {
      wake_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
      if (stop_) return;
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
    }
  }

 private:
  struct Entry {
    std::string line;
    uint64_t dropped_before = 0;
  };

  void write(const std::deque<Entry>& entries) {
    for (const Entry& entry : entries) {
      std::string text;
      if (entry.dropped_before > 0 && options_.dropped_line)
        text = options_.dropped_line(entry.dropped_before);
      text += entry.line;
      if (!write_all(options_.file, text, stop_)) ++dropped_;
      std::lock_guard lock(mutex_);
      bytes_ -= entry.line.size();
    }
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
};

LogWriter::LogWriter(Options options) : state_(std::make_shared<State>(std::move(options))) {
  std::thread([state = state_] { state->run(); }).detach();
}

LogWriter::~LogWriter() { state_->stop(); }

void LogWriter::put(std::string line) { state_->put(std::move(line)); }

bool LogWriter::drain(std::chrono::milliseconds limit) { return state_->drain(limit); }

uint64_t LogWriter::dropped() const { return state_->dropped(); }

}  // namespace weir
