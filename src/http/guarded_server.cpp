#include "http/guarded_server.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "http/body_writer.h"
#include "http/request_checks.h"
#include "http/worker_threads.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

// The library parses this in place of a refused header.
constexpr std::string_view kNoHeader = "GET / HTTP/1.1\r\n\r\n";
constexpr int kRequestTimeout = 408;
constexpr size_t kSpareThreads = 4;
constexpr size_t kMaxWaitingConnections = 4096;
// After its last answer a connection is read for so long and for so many bytes before it is closed.
// If it were closed at once, a reset could reach the client before it has read the answer.
constexpr milliseconds kGentleTime{1000};
constexpr size_t kGentleBytes = size_t{64} << 20;
// How long a thread waits for a client's next request while another thread is spare. After that the
// connection is parked.
constexpr milliseconds kWaitInThread{5};
// Above the cap a few threads serve all connections, so no connection may hold a thread for long.
constexpr milliseconds kSpareFirstByte{250};
constexpr milliseconds kSpareHeader{1000};

// Chunked framing takes bytes too. The budget is too small for a body of many tiny chunks.
size_t body_budget(size_t max_body) { return max_body + max_body / 4 + (size_t{64} << 10); }

milliseconds left_until(TimePoint until) {
  const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
  return std::max(left, milliseconds{0});
}

bool waits_on(Connection& connection) {
  if (connection.leaving) return connection.discard();
  return connection.head_begun && connection.take_head() == Connection::HeadState::partial;
}

}  // namespace

GuardedServer::GuardedServer(GuardLimits limits, Hooks hooks)
    : limits_(limits),
      hooks_(std::move(hooks)),
      parking_({.resume =
                    [this](std::shared_ptr<Connection> connection) {
                      return pool_->enqueue([this, connection = std::move(connection)] {
                        serve(connection, resumed(*connection));
                      });
                    },
                .waits_on = &waits_on}) {
  new_task_queue = [this] {
    // Parked connections need threads to end, so parking closes before the pool.
    pool_ = new WorkerThreads(limits_.max_connections + kSpareThreads, kMaxWaitingConnections,
                              [this] { parking_.close(); });
    return pool_;
  };
  set_tcp_nodelay(true);
  set_payload_max_length(limits.max_body);
  set_keep_alive_max_count(1000000);
  set_keep_alive_timeout(std::chrono::ceil<std::chrono::seconds>(limits.keep_alive).count());
  // With REUSEPORT, the library's default, a second daemon could share the port unnoticed.
  set_socket_options([](socket_t socket) {
    int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
}

Connection& GuardedServer::connection_of(const httplib::Request& request) {
  std::lock_guard lock(mutex_);
  // serve_message() passes the socket as the local port: the library uses this field for nothing
  // else.
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
  connection->due = std::chrono::steady_clock::now() + first;
  serve(std::move(connection), added ? Next::message : Next::close);
  return true;
}

void GuardedServer::serve(std::shared_ptr<Connection> connection, Next next) {
  for (;;) {
    if (next == Next::message) {
      next = next_message(*connection);
    } else if (next == Next::leave) {
      next = leave(*connection);
    } else {
      if (next != Next::close && park(connection, next)) return;
      break;
    }
  }
  // Before the close, since the system may give the socket's number to a new connection at once.
  remove(*connection);
  ::close(connection->stream.socket());
}

GuardedServer::Next GuardedServer::resumed(Connection& connection) {
  if (connection.leaving) return Next::leave;
  return connection.exchange ? write_body(connection) : Next::message;
}

bool GuardedServer::park(const std::shared_ptr<Connection>& connection, Next waits) {
  if (waits != Next::wait_for_turn) {
    connection->stream.release_buffer();
    return parking_.park(connection, nullptr, connection->due);
  }
  const serve::Wake wake = connection->exchange->body->wake();
  if (parking_.park(connection, wake.bell, *wake.until)) return true;
  finish(*connection, false);
  return false;
}

milliseconds GuardedServer::patience() const {
  return pool_->has_spare() ? kWaitInThread : milliseconds{0};
}

GuardedServer::Next GuardedServer::next_message(Connection& connection) {
  using HeadState = Connection::HeadState;
  const TimePoint patient_until = std::chrono::steady_clock::now() + patience();
  for (;;) {
    const bool had_begun = connection.head_begun;
    const HeadState head = connection.take_head();
    if (head == HeadState::complete) return serve_message(connection);
    if (head == HeadState::refused) return refuse_head(connection, connection.head.fault());
    if (head == HeadState::closed) return Next::close;
    const auto limit = header_limit(connection);
    if (connection.head_begun && !had_begun)
      connection.due = std::chrono::steady_clock::now() + limit;
    if (left_until(connection.due) == milliseconds{0}) {
      if (head == HeadState::none) return Next::close;
      return refuse_head(
          connection,
          {kRequestTimeout, fmt::format("the header did not arrive within {} ms", limit.count())});
    }
    const milliseconds wait = left_until(std::min(connection.due, patient_until));
    if (wait == milliseconds{0}) return Next::wait_for_message;
    connection.stream.wait_for_arrival(wait);
  }
}

milliseconds GuardedServer::header_limit(const Connection& connection) const {
  return connection.over_cap ? std::min(kSpareHeader, limits_.header_timeout)
                             : limits_.header_timeout;
}

GuardedServer::Next GuardedServer::refuse_head(Connection& connection, WireFault fault) {
  connection.refused = std::move(fault);
  connection.stream.replace_arrived(kNoHeader);
  return serve_message(connection);
}

GuardedServer::Next GuardedServer::serve_message(Connection& connection) {
  GuardedStream& stream = connection.stream;
  connection.close = connection.over_cap;
  stream.limit_reads(limits_.header_timeout, stream.arrived().size());
  auto header_read = [&](httplib::Request& request) {
    // Compression would hold back events until its buffer is full.
    request.headers.erase("Accept-Encoding");
    request.ranges.clear();
    use_absolute_target(request);
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
  auto state = BodyWriter::State::lost;
  serve_guarded([&] {
    state = connection.exchange->body->run(connection.stream);
    return true;
  });
  if (state == BodyWriter::State::waits) return Next::wait_for_turn;
  return finish(connection, state == BodyWriter::State::over);
}

GuardedServer::Next GuardedServer::finish(Connection& connection, bool written) {
  const GuardedStream& stream = connection.stream;
  serve_guarded([&] {
    if (!connection.exchange) return true;
    connection.exchange->end_body();
    hooks_.finished(connection);
    return true;
  });
  connection.exchange.reset();
  connection.head = {};
  connection.head_begun = false;
  connection.due = std::chrono::steady_clock::now() + limits_.keep_alive;
  bool clean = stream.failure() == GuardedStream::Failure::none && !stream.has_unread();
  return written && clean && !connection.close ? Next::message : begin_to_leave(connection);
}

GuardedServer::Next GuardedServer::begin_to_leave(Connection& connection) {
  ::shutdown(connection.stream.socket(), SHUT_WR);
  connection.leaving = true;
  connection.stream.read_no_more(kGentleBytes);
  connection.due = std::chrono::steady_clock::now() + kGentleTime;
  return Next::leave;
}

GuardedServer::Next GuardedServer::leave(Connection& connection) {
  const TimePoint patient_until = std::chrono::steady_clock::now() + patience();
  for (;;) {
    if (!connection.discard() || left_until(connection.due) == milliseconds{0}) return Next::close;
    const milliseconds wait = left_until(std::min(connection.due, patient_until));
    if (wait == milliseconds{0}) return Next::wait_to_leave;
    connection.stream.wait_for_arrival(wait);
  }
}

}  // namespace weir::http
