#include "http/parking.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <span>

#include "http/connection.h"
#include "http/short_slices.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAgain{10};  // before a connection that could not be resumed is tried again
constexpr uint64_t kAlarm = 0;      // the id of no wait

int timeout(TimePoint until) {
  if (until == TimePoint::max()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX));
}

}  // namespace

/// Brings rings of bells to epoll. Bells may outlive Parking, so they share it.
class Parking::Alarm {
 public:
  ~Alarm() { ::close(file_); }
  int file() const { return file_; }
  void ring() const { eventfd_write(file_, 1); }
  void ring_for(Id id) {
    {
      std::lock_guard lock(mutex_);
      rung_.push_back(id);
    }
    ring();
  }
  /// Silences the alarm; returns the waits whose bells rang.
  std::vector<Id> take() {
    eventfd_t rings;
    eventfd_read(file_, &rings);
    std::lock_guard lock(mutex_);
    return std::exchange(rung_, {});
  }

 private:
  const int file_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::mutex mutex_;
  std::vector<Id> rung_;
};

Parking::Parking(Hooks hooks)
    : hooks_(std::move(hooks)),
      poll_(epoll_create1(EPOLL_CLOEXEC)),
      alarm_(std::make_shared<Alarm>()) {
  watch(alarm_->file(), EPOLLIN, kAlarm);
  thread_ = std::thread([this] { run(); });
}

Parking::~Parking() {
  close();
  ::close(poll_);
}

bool Parking::park(std::shared_ptr<Connection> connection, std::shared_ptr<Doorbell> bell,
                   TimePoint until) {
  std::lock_guard lock(mutex_);
  if (closed_) return false;
  const Id id = next_id_++;
  const uint32_t events = bell ? EPOLLRDHUP : EPOLLIN | EPOLLRDHUP;
  const bool watched = watch(connection->stream.socket(), events, id);
  if (!watched) until = std::chrono::steady_clock::now() + kAgain;
  if (bell && answers_end_) until = TimePoint::min();
  if (bell) bell->pass_on([alarm = alarm_, id] { alarm->ring_for(id); });
  add(id, {std::move(connection), std::move(bell), until, watched});
  return true;
}

void Parking::resume_all() {
  {
    std::lock_guard lock(mutex_);
    all_due_ = answers_end_ = true;
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
  ask_for_short_slices();
  for (;;) {
    for (Parked& each : take_due(wait())) {
      if (each.bell) each.bell->pass_on(nullptr);
      if (hooks_.resume(each.connection)) continue;
      std::lock_guard lock(mutex_);
      each.until = std::chrono::steady_clock::now() + kAgain;
      add(next_id_++, std::move(each));
    }
    std::lock_guard lock(mutex_);
    if (closed_ && parked_.empty()) return;
  }
}

std::vector<Parking::Id> Parking::wait() {
  {
    std::lock_guard lock(mutex_);
    sleeps_until_ = by_time_.empty() ? TimePoint::max() : by_time_.begin()->first;
  }
  std::array<epoll_event, 256> events;
  const int count = epoll_wait(poll_, events.data(), events.size(), timeout(sleeps_until_));
  std::vector<Id> stirred;
  for (const epoll_event& event : std::span(events).first(std::max(count, 0))) {
    if (event.data.u64 != kAlarm) {
      stirred.push_back(event.data.u64);
      continue;
    }
    const std::vector<Id> rung = alarm_->take();
    stirred.insert(stirred.end(), rung.begin(), rung.end());
  }
  std::erase_if(stirred, [this](Id id) { return waits_on(id); });
  return stirred;
}

bool Parking::waits_on(Id id) {
  Connection* connection = nullptr;
  {
    std::lock_guard lock(mutex_);
    const auto found = parked_.find(id);
    if (found == parked_.end() || found->second.bell) return false;
    connection = found->second.connection.get();  // stays: this thread alone takes them out
  }
  return hooks_.waits_on(*connection);
}

std::vector<Parking::Parked> Parking::take_due(const std::vector<Id>& stirred) {
  std::lock_guard lock(mutex_);
  std::vector<Parked> due;
  for (const Id id : stirred)
    if (parked_.contains(id)) due.push_back(take(id));
  const TimePoint now =
      std::exchange(all_due_, false) ? TimePoint::max() : std::chrono::steady_clock::now();
  while (!by_time_.empty() && by_time_.begin()->first <= now)
    due.push_back(take(by_time_.begin()->second));
  return due;
}

void Parking::add(Id id, Parked parked) {
  by_time_.emplace(parked.until, id);
  const bool is_first = parked.until < sleeps_until_;
  parked_.emplace(id, std::move(parked));
  if (is_first) alarm_->ring();
}

Parking::Parked Parking::take(Id id) {
  auto node = parked_.extract(id);
  Parked& parked = node.mapped();
  by_time_.erase({parked.until, id});
  if (std::exchange(parked.watched, false))
    epoll_ctl(poll_, EPOLL_CTL_DEL, parked.connection->stream.socket(), nullptr);
  return std::move(parked);
}

bool Parking::watch(int socket, uint32_t events, Id id) const {
  epoll_event event{.events = events, .data = {.u64 = id}};
  return epoll_ctl(poll_, EPOLL_CTL_ADD, socket, &event) == 0;
}

}  // namespace weir::http
