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

constexpr size_t kChunk = 16384;
// How many reads are thrown away before other connections have their turn.
constexpr int kDiscardedAtOnce = 16;

bool is_empty(ssize_t received) {
  return received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

// Waits until one of `events` holds. False: the time is over.
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

void GuardedStream::wait_for_arrival(milliseconds limit) const { wait_for(socket_, POLLIN, limit); }

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

ssize_t GuardedStream::receive() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == capacity_) {
    const size_t size = end_ - begin_;
    capacity_ = std::max(kChunk, 2 * size);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    std::copy_n(buffer_.get() + begin_, size, larger.get());
    buffer_ = std::move(larger);
    begin_ = 0;
    end_ = size;
  }
  for (;;) {
    const ssize_t received = recv(socket_, buffer_.get() + end_, capacity_ - end_, MSG_DONTWAIT);
    if (received < 0 && errno == EINTR) continue;
    if (received > 0) end_ += static_cast<size_t>(received);
    return received;
  }
}

bool GuardedStream::take_arrived() {
  const ssize_t received = receive();
  if (received <= 0 && !is_empty(received)) failure_ = Failure::closed;
  return received > 0;
}

void GuardedStream::replace_arrived(std::string_view bytes) {
  capacity_ = end_ = bytes.size();
  begin_ = 0;
  buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
  std::copy(bytes.begin(), bytes.end(), buffer_.get());
}

void GuardedStream::read_no_more(size_t bytes) {
  failure_ = Failure::none;
  budget_ = bytes;
}

bool GuardedStream::discard_arrived() {
  for (int chunk = 0; chunk < kDiscardedAtOnce; ++chunk) {
    begin_ = end_;
    if (!take_arrived()) return failure_ == Failure::none;
    if (!spend(end_ - begin_)) return false;
  }
  return true;
}

void GuardedStream::release_buffer() {
  if (has_unread()) return;
  buffer_.reset();
  capacity_ = begin_ = end_ = 0;
}

bool GuardedStream::fill() {
  if (failure_ != Failure::none) return false;
  // The time is checked before each read, so that a client that always has one more byte ready
  // cannot pass the deadline.
  for (bool ready = true; ready && time_left() > milliseconds{0};) {
    if (take_arrived()) return true;
    if (failure_ == Failure::closed) return false;
    ready = wait_for(socket_, POLLIN, time_left());
  }
  failure_ = Failure::timed_out;
  return false;
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
  std::memcpy(data, buffer_.get() + begin_, size);
  begin_ += size;
  return static_cast<ssize_t>(size);
}

const char* GuardedStream::buffered_data(size_t& size) const {
  size = failure_ == Failure::none ? end_ - begin_ : 0;
  return size > 0 ? buffer_.get() + begin_ : nullptr;
}

void GuardedStream::consume_buffered(size_t size) {
  size = std::min(size, end_ - begin_);
  if (spend(size)) begin_ += size;
}

ssize_t GuardedStream::write(const char* data, size_t size) {
  while (!muted_) {
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
