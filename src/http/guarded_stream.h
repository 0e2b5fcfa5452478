#pragma once

#include <httplib.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace weir::http {

/// True if the peer has closed or half-closed its side: whoever waits for an answer keeps both
/// open.
bool peer_gone(int socket);

/// A connection's bytes under limits that hold for a message as a whole, not for each call: an
/// absolute deadline and a byte budget for reading, and no write that stands still. Used by one
/// thread. Does not own the socket.
class GuardedStream final : public httplib::Stream {
 public:
  enum class Failure : uint8_t { none, closed, timed_out, over_budget };

  GuardedStream(int socket, std::chrono::milliseconds write_timeout)
      : socket_(socket), write_timeout_(write_timeout) {}

  /// Waits until the socket has something to take_arrived().
  void wait_for_arrival(std::chrono::milliseconds limit) const;
  /// From now on: everything read until the next call arrives in time and within `bytes`.
  void limit_reads(std::chrono::milliseconds time, size_t bytes);
  Failure failure() const { return failure_; }
  /// Bytes have been received that nobody has asked for yet.
  bool has_unread() const { return begin_ < end_; }
  std::string_view arrived() const { return {buffer_.get() + begin_, end_ - begin_}; }
  /// Adds to them what the socket has, without blocking. False: nothing, or the client has closed
  /// its side (failure()). Neither deadline nor budget hold.
  bool take_arrived();
  /// REQUIRES: so many have arrived.
  void drop(size_t bytes) { begin_ += bytes; }
  /// `bytes` stand for all that has arrived.
  void replace_arrived(std::string_view bytes);
  /// From now on nothing is read but by discard_arrived(), `bytes` at most.
  void read_no_more(size_t bytes);
  /// Throws away what the socket has, without blocking. False: the client has closed its side, or
  /// more came than it may.
  bool discard_arrived();
  /// Nothing is written from now on.
  void mute() { muted_ = true; }
  /// Gives the buffer's memory back if nothing is in it.
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
  ssize_t receive();  // behind what has arrived; as recv() without blocking
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
