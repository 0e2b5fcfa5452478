#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

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

  /// Waits for the first byte of a message.
  bool wait_for_message(std::chrono::milliseconds limit);
  /// From now on: everything read until the next call arrives in time and within `bytes`.
  void limit_reads(std::chrono::milliseconds time, size_t bytes);
  Failure failure() const { return failure_; }
  /// Bytes have been received that nobody has asked for yet.
  bool has_unread() const { return begin_ < end_; }

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
  bool spend(size_t bytes);
  std::chrono::milliseconds time_left() const;

  const int socket_;
  const std::chrono::milliseconds write_timeout_;
  std::chrono::steady_clock::time_point deadline_{};
  size_t budget_ = 0;
  Failure failure_ = Failure::none;
  std::array<char, 16384> buffer_;
  size_t begin_ = 0, end_ = 0;
};

}  // namespace weir::http
