#include "http/parking.h"

#include <poll.h>

#include <algorithm>

#include "http/guarded_server.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

// Between two looks at clients and times: how late a parked answer may be told of either.
constexpr milliseconds kLook{50};

}  // namespace

Parking::Parking(std::function<bool(std::shared_ptr<Connection>)> resume)
    : resume_(std::move(resume)), thread_([this] { run(); }) {}

bool Parking::park(std::shared_ptr<Connection> connection, std::shared_ptr<Doorbell> bell,
                   TimePoint until) {
  std::lock_guard lock(mutex_);
  if (closed_) return false;
  parked_.push_back({std::move(connection), bell, until});
  bell->pass_on(bell_);
  return true;
}

void Parking::resume_all() {
  {
    std::lock_guard lock(mutex_);
    for (Parked& each : parked_) each.until = TimePoint::min();
  }
  bell_->ring();
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
    bell_->wait(kLook);
    for (Parked& each : take_due()) {
      each.bell->pass_on(nullptr);
      if (resume_(each.connection)) continue;
      std::lock_guard lock(mutex_);
      parked_.push_back(std::move(each));
    }
    std::lock_guard lock(mutex_);
    if (closed_ && parked_.empty()) return;
  }
}

std::vector<Parking::Parked> Parking::take_due() {
  std::lock_guard lock(mutex_);
  const TimePoint now = std::chrono::steady_clock::now();
  if (now - looked_ >= kLook) {
    looked_ = now;
    mark_those_that_left();
  }
  const auto due = std::stable_partition(parked_.begin(), parked_.end(), [&](const Parked& each) {
    return each.until > now && !each.bell->rung();
  });
  std::vector<Parked> taken(std::make_move_iterator(due), std::make_move_iterator(parked_.end()));
  parked_.erase(due, parked_.end());
  return taken;
}

void Parking::mark_those_that_left() {
  std::vector<pollfd> sockets;
  for (const Parked& each : parked_)
    sockets.push_back({each.connection->stream.socket(), POLLRDHUP, 0});
  if (poll(sockets.data(), sockets.size(), 0) <= 0) return;
  for (size_t i = 0; i < parked_.size(); ++i)
    if (sockets[i].revents != 0) parked_[i].until = TimePoint::min();
}

}  // namespace weir::http
