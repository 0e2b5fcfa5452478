#include "weir/http/server.h"

#include <netdb.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cstring>
#include <thread>

#include "http/front.h"
#include "http/guarded_server.h"
#include "http/short_slices.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

// How long stop() waits for streams to send their last event.
constexpr milliseconds kFarewell{3000};

// Raises the limit of open files, and returns how many connections it leaves room for, at most
// `wanted`. A connection is an open file. The usual limit of 1024 is below the usual cap, and
// without files the accept loop spins.
int allow_files(int wanted) {
  constexpr rlim_t kOthers = 8192;  // models, logs, and connections that wait for a thread
  constexpr rlim_t kFewest = 64;    // of these, those that are open without traffic
  const auto connections = static_cast<rlim_t>(std::max(wanted, 1));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t now = limit.rlim_cur;
  limit.rlim_cur = std::max(now, std::min<rlim_t>(limit.rlim_max, connections + kOthers));
  if (limit.rlim_cur != now && setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = now;
  if (limit.rlim_cur >= connections + kFewest) return wanted;
  const rlim_t room = limit.rlim_cur > kFewest ? limit.rlim_cur - kFewest : 1;
  spdlog::warn("max-connections is {}; the limit of open files, {}, leaves room for {}",
               connections, limit.rlim_cur, room);
  return static_cast<int>(room);
}

/// Why nothing listens on the host, right after bind() failed; ": " before it, or nothing.
std::string bind_failure(const std::string& host) {
  const int number = errno;
  const addrinfo hints{.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  const int unknown = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (unknown != 0) return std::string(": ") + gai_strerror(unknown);
  freeaddrinfo(found);
  return number != 0 ? std::string(": ") + std::strerror(number) : "";
}

class HttplibServer final : public Server {
 public:
  HttplibServer(ServerOptions options, serve::Service& service, Registry& metrics)
      : options_(std::move(options)),
        state_{.api = {{.version = options_.version,
                        .ping = options_.ping,
                        .overload_status = options_.overload_status,
                        .refuse_unknown_fields = options_.refuse_unknown_fields},
                       service,
                       metrics}},
        front_(options_, state_),
        server_({.max_body = options_.max_body,
                 .max_connections = static_cast<size_t>(std::max(options_.max_connections, 1)),
                 .header_timeout = options_.header_timeout,
                 .body_timeout = options_.body_timeout,
                 .write_timeout = options_.write_timeout,
                 .keep_alive = options_.keep_alive},
                {.finished = [this](Connection& connection) { front_.finished(connection); },
                 .open_changed =
                     [this](size_t open) { open_connections_.set(static_cast<double>(open)); }}) {
    front_.install(server_);
  }

  ~HttplibServer() override { stop(); }

  Result<void> bind() {
    errno = 0;
    port_ = options_.port == 0 ? server_.bind_to_any_port(options_.host)
            : server_.bind_to_port(options_.host, options_.port) ? options_.port
                                                                 : -1;
    if (port_ <= 0) {
      return invalid("cannot listen on " + options_.host + " port " +
                     std::to_string(options_.port) + bind_failure(options_.host));
    }
    acceptor_ = std::thread([this] {
      ask_for_short_slices();
      server_.listen_after_bind();
    });
    server_.wait_until_ready();
    return {};
  }

  int port() const override { return port_; }
  size_t in_flight() const override { return state_.in_flight; }
  void announce_drain() override { state_.api.drains = true; }
  void drain() override { state_.draining = state_.api.drains = true; }

  void stop() override {
    std::lock_guard lock(stop_mutex_);
    if (!acceptor_.joinable()) return;
    drain();
    state_.api.stops = true;
    server_.wake_waiting();
    auto deadline = std::chrono::steady_clock::now() + kFarewell;
    while (state_.in_flight > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(milliseconds{5});
    }
    server_.shut_down();
    acceptor_.join();
  }

 private:
  const ServerOptions options_;
  ServerState state_;
  Front front_;
  const Gauge open_connections_ =
      state_.api.metrics.gauge("weir_http_connections", "Open connections.");
  GuardedServer server_;
  std::mutex stop_mutex_;
  std::thread acceptor_;
  int port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, serve::Service& service,
                                              Registry& metrics) {
  options.max_connections = allow_files(options.max_connections);
  auto server = std::make_unique<HttplibServer>(std::move(options), service, metrics);
  if (auto bound = server->bind(); !bound) return bound.error();
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace weir::http
