#pragma once

#include <httplib.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace weir::http {

/// True if the peer has closed or half-closed its side. A client that waits for an answer keeps
/// both directions open.
bool peer_gone(int socket);

/// A connection's bytes, under limits that hold for a whole message and not for each call. Reads
/// have an absolute deadline and a byte budget. A write must not stall. Used by one thread. Does
/// not own the socket.
class GuardedStream final : public httplib::Stream {
 public:
  enum class Failure : uint8_t { none, closed, timed_out, over_budget };

  GuardedStream(int socket, std::chrono::milliseconds write_timeout)
      : socket_(socket), write_timeout_(write_timeout) {}

  /// Waits until the socket has something for take_arrived().
  void wait_for_arrival(std::chrono::milliseconds limit) const;
  /// Sets the limits of all reads until the next call: the deadline is in `time`, the budget is
  /// `bytes`.
  void limit_reads(std::chrono::milliseconds time, size_t bytes);
  Failure failure() const { return failure_; }
  /// Bytes have been received that were not read yet.
  bool has_unread() const { return begin_ < end_; }
  std::string_view arrived() const { return {buffer_.get() + begin_, end_ - begin_}; }
  /// Adds what the socket has to arrived(), without blocking. False: there is nothing, or the
  /// client has closed its side (failure()). Deadline and budget do not apply.
  bool take_arrived();
  /// Removes the first `bytes` of arrived(). REQUIRES: it has so many.
  void drop(size_t bytes) { begin_ += bytes; }
  /// Replaces arrived() by `bytes`.
  void replace_arrived(std::string_view bytes);
  /// From now on only discard_arrived() reads, at most `bytes`.
  void read_no_more(size_t bytes);
  /// Throws away what the socket has, without blocking. False: the client has closed its side, or
  /// too much has come.
  bool discard_arrived();
  /// Nothing is written from now on.
  void mute() { muted_ = true; }
  /// Frees the buffer if it is empty.
  void release_buffer();

  bool is_readable() const override;
  bool wait_readable() const override;
  bool wait_writable() const override;
  bool is_peer_alive() const override { return !peer_gone(socket_); }
  ssize_t read(char* data, size_t size) override;
  ssize_t write(const char* data, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  int socket() const override { return socket_; }
  time_t duration() const override { return 0; }
  const char* buffered_data(size_t& size) const override;
  void consume_buffered(size_t size) override;

 private:
  bool fill();
  ssize_t receive();  // appends to arrived(); returns as recv() without blocking
  bool spend(size_t bytes);
  std::chrono::milliseconds time_left() const;

  const int socket_;
  const std::chrono::milliseconds write_timeout_;
  std::chrono::steady_clock::time_point deadline_{};
  size_t budget_ = 0;
  Failure failure_ = Failure::none;
  bool muted_ = false;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace weir::http
