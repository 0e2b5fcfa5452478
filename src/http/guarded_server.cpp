#include "http/guarded_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "http/answer/event_stream.h"
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
constexpr size_t kGentleBytes = size_t{64} << 20;
// Who asks again at once finds its thread waiting, if others have one too; who takes longer finds
// any.
constexpr milliseconds kWaitInThread{5};
// Over the cap a few threads look at every connection: none may hold one of them for long.
constexpr milliseconds kSpareFirstByte{250};
constexpr milliseconds kSpareHeader{1000};

// Chunked framing costs bytes too; many tiny chunks are no honest body.
size_t body_budget(size_t max_body) { return max_body + max_body / 4 + (size_t{64} << 10); }

}  // namespace

GuardedServer::GuardedServer(GuardLimits limits, Hooks hooks)
    : limits_(limits),
      hooks_(std::move(hooks)),
      parking_([this](std::shared_ptr<Connection> connection) {
        return pool_->enqueue([this, connection = std::move(connection)] {
          serve(connection, connection->exchange ? write_body(*connection) : Next::message);
        });
      }) {
  new_task_queue = [this] {
    // Who is parked needs a thread to end with.
    pool_ = new ThreadPool(limits_.max_connections + kSpareThreads, kMaxWaitingConnections,
                           [this] { parking_.close(); });
    return pool_;
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
  auto connection = std::make_shared<Connection>(socket, limits_.write_timeout);
  connection->stream.get_remote_ip_and_port(connection->peer_ip, connection->peer_port);
  const bool added = add(*connection);
  const auto first = connection->over_cap ? kSpareFirstByte : limits_.header_timeout;
  connection->message_due = std::chrono::steady_clock::now() + first;
  serve(std::move(connection), added ? Next::message : Next::close);
  return true;
}

void GuardedServer::serve(std::shared_ptr<Connection> connection, Next next) {
  while (next == Next::message) next = next_message(*connection);
  const bool waits = next == Next::wait_for_message || next == Next::wait_for_turn;
  if (waits && park(connection, next)) return;
  if (next == Next::close_gently) close_gently(*connection);
  // Before the close: the number may be given to a new connection at once.
  remove(*connection);
  ::close(connection->stream.socket());
}

bool GuardedServer::park(const std::shared_ptr<Connection>& connection, Next waits) {
  if (waits == Next::wait_for_message)
    return parking_.park(connection, nullptr, connection->message_due);
  const serve::Wake wake = connection->exchange->events->wake();
  if (parking_.park(connection, wake.bell, *wake.until)) return true;
  finish(*connection, false);
  return false;
}

GuardedServer::Next GuardedServer::next_message(Connection& connection) {
  const auto left =
      std::chrono::ceil<milliseconds>(connection.message_due - std::chrono::steady_clock::now());
  const milliseconds patience = pool_->has_spare() ? kWaitInThread : milliseconds{0};
  if (connection.stream.wait_for_message(std::clamp(left, milliseconds{0}, patience)))
    return serve_message(connection);
  return left > patience ? Next::wait_for_message : Next::close;
}

GuardedServer::Next GuardedServer::serve_message(Connection& connection) {
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
    return process_request(stream, connection.peer_ip, connection.peer_port, "", stream.socket(),
                           connection.close, closed, header_read);
  });
  connection.close |= closed;
  const bool has_body_left = connection.exchange && connection.exchange->head_written &&
                             stream.failure() == GuardedStream::Failure::none;
  return has_body_left ? write_body(connection) : finish(connection, written);
}

GuardedServer::Next GuardedServer::write_body(Connection& connection) {
  auto state = EventStream::State::lost;
  serve_guarded([&] {
    state = connection.exchange->events->run(connection.stream);
    return true;
  });
  if (state == EventStream::State::waits) return Next::wait_for_turn;
  return finish(connection, state == EventStream::State::over);
}

GuardedServer::Next GuardedServer::finish(Connection& connection, bool written) {
  const GuardedStream& stream = connection.stream;
  serve_guarded([&] {
    if (!connection.exchange) return true;
    if (connection.exchange->events) connection.exchange->events->release();
    hooks_.finished(connection);
    return true;
  });
  connection.exchange.reset();
  connection.message_due = std::chrono::steady_clock::now() + limits_.keep_alive;
  bool clean = stream.failure() == GuardedStream::Failure::none && !stream.has_unread();
  return written && clean && !connection.close ? Next::message : Next::close_gently;
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
