#include "http/guarded_stream.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::http {
namespace {

using std::chrono::milliseconds;

// Waits until one of `events` holds; false when the time is over.
bool wait_for(int socket, short events, milliseconds limit) {
  auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    pollfd entry{socket, events, 0};
    int ready = poll(&entry, 1, static_cast<int>(std::max<int64_t>(limit.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
    limit = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
  }
}

}  // namespace

bool peer_gone(int socket) {
  pollfd entry{socket, POLLRDHUP, 0};
  return poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}

bool GuardedStream::wait_for_message(milliseconds limit) {
  return has_unread() || wait_for(socket_, POLLIN, limit);
}

void GuardedStream::limit_reads(milliseconds time, size_t bytes) {
  deadline_ = std::chrono::steady_clock::now() + time;
  budget_ = bytes;
}

milliseconds GuardedStream::time_left() const {
  auto left = deadline_ - std::chrono::steady_clock::now();
  return std::max(std::chrono::ceil<milliseconds>(left), milliseconds{0});
}

bool GuardedStream::is_readable() const { return has_unread(); }

bool GuardedStream::wait_readable() const {
  return has_unread() || wait_for(socket_, POLLIN, time_left());
}

bool GuardedStream::wait_writable() const { return wait_for(socket_, POLLOUT, write_timeout_); }

bool GuardedStream::fill() {
  if (failure_ != Failure::none) return false;
  ssize_t received = -1;
  // Checked before each look: a client that always has one more byte ready must not outlive the
  // deadline.
  for (bool ready = true; ready && time_left() > milliseconds{0};) {
    received = recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    bool empty = received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (!empty && !(received < 0 && errno == EINTR)) {
      if (received > 0) break;
      failure_ = Failure::closed;
      return false;
    }
    if (empty) ready = wait_for(socket_, POLLIN, time_left());
  }
  if (received <= 0) {
    failure_ = Failure::timed_out;
    return false;
  }
  begin_ = 0;
  end_ = static_cast<size_t>(received);
  return true;
}

bool GuardedStream::spend(size_t bytes) {
  if (bytes > budget_) {
    failure_ = Failure::over_budget;
    return false;
  }
  budget_ -= bytes;
  return true;
}

ssize_t GuardedStream::read(char* data, size_t size) {
  if (failure_ != Failure::none) return -1;
  if (!has_unread() && !fill()) return failure_ == Failure::closed ? 0 : -1;
  size = std::min(size, end_ - begin_);
  if (!spend(size)) return -1;
  std::memcpy(data, buffer_.data() + begin_, size);
  begin_ += size;
  return static_cast<ssize_t>(size);
}

const char* GuardedStream::buffered_data(size_t& size) const {
  size = failure_ == Failure::none ? end_ - begin_ : 0;
  return size > 0 ? buffer_.data() + begin_ : nullptr;
}

void GuardedStream::consume_buffered(size_t size) {
  size = std::min(size, end_ - begin_);
  if (spend(size)) begin_ += size;
}

ssize_t GuardedStream::write(const char* data, size_t size) {
  for (;;) {
    ssize_t sent = send(socket_, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return sent;
    if (errno == EINTR) continue;
    bool full = errno == EAGAIN || errno == EWOULDBLOCK;
    if (!full) break;
    if (!wait_for(socket_, POLLOUT, write_timeout_)) break;
  }
  if (failure_ == Failure::none) failure_ = Failure::closed;
  return -1;
}

void GuardedStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &length) != 0) return;
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    port = ntohs(v4->sin_port);
  } else if (address.ss_family == AF_INET6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    port = ntohs(v6->sin6_port);
  }
  ip = text;
}

void GuardedStream::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace weir::http
