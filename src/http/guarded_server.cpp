#include "http/guarded_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "http/thread_pool.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMaxHeaderBytes = size_t{64} << 10;
constexpr size_t kSpareThreads = 4;
constexpr size_t kMaxWaitingConnections = 4096;
// So long, and so many bytes, a refused message may take to leave the wire before its connection is
// cut; an answer followed by a reset is often not seen by the client.
constexpr milliseconds kGentleTime{1000};
// Over the cap a few threads look at every connection: none may hold one of them for long.
constexpr milliseconds kSpareFirstByte{250};
constexpr milliseconds kSpareHeader{1000};
constexpr size_t kGentleBytes = size_t{64} << 20;

// Chunked framing costs bytes too; many tiny chunks are no honest body.
size_t body_budget(size_t max_body) { return max_body + max_body / 4 + (size_t{64} << 10); }

}  // namespace

GuardedServer::GuardedServer(GuardLimits limits, Hooks hooks)
    : limits_(limits), hooks_(std::move(hooks)) {
  new_task_queue = [max = limits.max_connections] {
    return new ThreadPool(max + kSpareThreads, kMaxWaitingConnections);
  };
  set_tcp_nodelay(true);
  set_payload_max_length(limits.max_body);
  set_keep_alive_max_count(1000000);
  set_keep_alive_timeout(std::chrono::ceil<std::chrono::seconds>(limits.keep_alive).count());
  // REUSEPORT, the library's default, would let a second daemon share the port unnoticed.
  set_socket_options([](socket_t socket) {
    int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
}

Connection& GuardedServer::connection_of(const httplib::Request& request) {
  std::lock_guard lock(mutex_);
  // serve_message() hands the socket through as the local port, the one field of a request that is
  // ours alone.
  return *connections_.at(request.local_port);
}

void GuardedServer::shut_down() {
  stop();
  std::lock_guard lock(mutex_);
  shut_down_ = true;
  for (auto& [socket, connection] : connections_) ::shutdown(socket, SHUT_RDWR);
}

bool GuardedServer::add(Connection& connection) {
  std::lock_guard lock(mutex_);
  if (shut_down_) return false;
  connections_[connection.stream.socket()] = &connection;
  connection.over_cap = connections_.size() > limits_.max_connections;
  hooks_.open_changed(connections_.size());
  return true;
}

void GuardedServer::remove(Connection& connection) {
  std::lock_guard lock(mutex_);
  if (connections_.erase(connection.stream.socket())) hooks_.open_changed(connections_.size());
}

bool GuardedServer::process_and_close_socket(socket_t socket) {
  Connection connection{.stream = GuardedStream(socket, limits_.write_timeout)};
  bool served = serve_guarded([&] {
    if (add(connection)) serve_messages(connection);
    return true;
  });
  // Before the close: the number may be given to a new connection at once.
  remove(connection);
  ::close(socket);
  return served;
}

void GuardedServer::serve_messages(Connection& connection) {
  std::string ip;
  int port = 0;
  connection.stream.get_remote_ip_and_port(ip, port);
  auto wait = connection.over_cap ? kSpareFirstByte : limits_.header_timeout;
  while (connection.stream.wait_for_message(wait)) {
    if (!serve_message(connection, ip, port)) return close_gently(connection);
    wait = limits_.keep_alive;
  }
}

bool GuardedServer::serve_message(Connection& connection, const std::string& peer_ip,
                                  int peer_port) {
  GuardedStream& stream = connection.stream;
  connection.close = connection.over_cap;
  stream.limit_reads(
      connection.over_cap ? std::min(kSpareHeader, limits_.header_timeout) : limits_.header_timeout,
      kMaxHeaderBytes);
  auto header_read = [&](httplib::Request& request) {
    // A coding of answers would hold back events until its buffer is full.
    request.headers.erase("Accept-Encoding");
    request.ranges.clear();
    stream.limit_reads(limits_.body_timeout, body_budget(limits_.max_body));
  };
  bool closed = false;
  bool written = serve_guarded([&] {
    return process_request(stream, peer_ip, peer_port, "", stream.socket(), connection.close,
                           closed, header_read);
  });
  if (connection.exchange) hooks_.finished(connection);
  connection.exchange.reset();
  bool clean = stream.failure() == GuardedStream::Failure::none && !stream.has_unread();
  return written && clean && !closed && !connection.close;
}

void GuardedServer::close_gently(Connection& connection) {
  int socket = connection.stream.socket();
  ::shutdown(socket, SHUT_WR);
  GuardedStream rest(socket, milliseconds{0});
  rest.limit_reads(kGentleTime, kGentleBytes);
  std::array<char, 16384> ignored;
  while (rest.read(ignored.data(), ignored.size()) > 0) {
  }
}

}  // namespace weir::http
