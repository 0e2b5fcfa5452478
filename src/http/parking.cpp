#include "http/parking.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "http/guarded_server.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongest{1000};  // sleep at a time
constexpr milliseconds kAgain{10};      // until one that could not be resumed is tried again

}  // namespace

/// A bell that poll() hears.
class Parking::Alarm {
 public:
  ~Alarm() { ::close(file_); }
  int file() const { return file_; }
  void ring() const { eventfd_write(file_, 1); }
  void silence() const {
    eventfd_t rings;
    eventfd_read(file_, &rings);
  }

 private:
  const int file_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

Parking::Parking(std::function<bool(std::shared_ptr<Connection>)> resume)
    : resume_(std::move(resume)), alarm_(std::make_shared<Alarm>()), thread_([this] { run(); }) {}

bool Parking::park(std::shared_ptr<Connection> connection, std::shared_ptr<Doorbell> bell,
                   TimePoint until) {
  std::lock_guard lock(mutex_);
  if (closed_) return false;
  parked_.push_back({std::move(connection), bell, until});
  if (bell) bell->pass_on([alarm = alarm_] { alarm->ring(); });
  alarm_->ring();  // the thread sleeps on those it knows
  return true;
}

void Parking::resume_all() {
  {
    std::lock_guard lock(mutex_);
    for (Parked& each : parked_) each.until = TimePoint::min();
  }
  alarm_->ring();
}

void Parking::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  resume_all();
  if (thread_.joinable()) thread_.join();
}

void Parking::run() {
  for (;;) {
    wait();
    for (Parked& each : take_due()) {
      if (each.bell) each.bell->pass_on(nullptr);
      if (resume_(each.connection)) continue;
      std::lock_guard lock(mutex_);
      each.until = std::chrono::steady_clock::now() + kAgain;
      parked_.push_back(std::move(each));
    }
    std::lock_guard lock(mutex_);
    if (closed_ && parked_.empty()) return;
  }
}

void Parking::wait() {
  sockets_.assign(1, {alarm_->file(), POLLIN, 0});
  const TimePoint now = std::chrono::steady_clock::now();
  TimePoint until = now + kLongest;
  {
    std::lock_guard lock(mutex_);
    for (const Parked& each : parked_) {
      const short events = each.bell ? POLLRDHUP : POLLIN | POLLRDHUP;
      sockets_.push_back({each.connection->stream.socket(), events, 0});
      until = std::min(until, each.until);
    }
  }
  const auto left = until > now ? std::chrono::ceil<milliseconds>(until - now) : milliseconds{0};
  poll(sockets_.data(), sockets_.size(), static_cast<int>(left.count()));
  alarm_->silence();
}

std::vector<Parking::Parked> Parking::take_due() {
  std::lock_guard lock(mutex_);
  const TimePoint now = std::chrono::steady_clock::now();
  std::vector<Parked> due, rest;
  for (size_t i = 0; i < parked_.size(); ++i) {
    Parked& each = parked_[i];
    const bool stirred = i + 1 < sockets_.size() && sockets_[i + 1].revents != 0;
    const bool is_due = stirred || each.until <= now || (each.bell && each.bell->rung());
    (is_due ? due : rest).push_back(std::move(each));
  }
  parked_ = std::move(rest);
  return due;
}

}  // namespace weir::http
