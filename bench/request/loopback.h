#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace weir::bench {

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

/// A kept-alive connection to this machine that does as little as a client can. One thread.
class Loopback {
 public:
  explicit Loopback(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      give_up("the server cannot be reached");
  }
  ~Loopback() { ::close(socket_); }
  Loopback(const Loopback&) = delete;

  int socket() const { return socket_; }

  void send(const std::string& request) const {
    if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
      give_up("a request could not be sent");
  }

  /// Reads what is there; true once a whole answer is. Anything but 200 ends the program.
  bool receive() {
    char bytes[65536];
    const ssize_t count = recv(socket_, bytes, sizeof bytes, 0);
    if (count <= 0) give_up("the server closed the connection");
    answer_.append(bytes, static_cast<size_t>(count));
    if (!whole()) return false;
    if (answer_.compare(0, 12, "HTTP/1.1 200") != 0) give_up(answer_);
    answer_.clear();
    return true;
  }

 private:
  bool whole() const {
    const size_t head = answer_.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    constexpr std::string_view kLength = "Content-Length: ";
    const size_t length = answer_.find(kLength);
    if (length < head)
      return answer_.size() == head + 4 + std::stoul(answer_.substr(length + kLength.size(), 20));
    return answer_.ends_with("\r\n0\r\n\r\n");
  }

  const int socket_;
  std::string answer_;
};

/// What a number of requests took: each as its client saw it, and of the process beside the client.
struct Spent {
  std::vector<double> wall_us;
  double cpu_us = 0, switches = 0;  // of all of them; switches: threads that slept

  void add(Spent other) {
    wall_us.insert(wall_us.end(), other.wall_us.begin(), other.wall_us.end());
    cpu_us += other.cpu_us;
    switches += other.switches;
  }
  double percentile(double share) {
    const auto at = static_cast<size_t>(share * static_cast<double>(wall_us.size() - 1));
    std::nth_element(wall_us.begin(), wall_us.begin() + static_cast<ptrdiff_t>(at), wall_us.end());
    return wall_us[at];
  }
  double count() const { return static_cast<double>(wall_us.size()); }
};

/// Time and sleeps of this process without the calling thread, up to now.
struct Others {
  double cpu_us, switches;

  static Others now() {
    rusage all{}, own{};
    getrusage(RUSAGE_SELF, &all);
    getrusage(RUSAGE_THREAD, &own);
    return {cpu(CLOCK_PROCESS_CPUTIME_ID) - cpu(CLOCK_THREAD_CPUTIME_ID),
            static_cast<double>(all.ru_nvcsw - own.ru_nvcsw)};
  }

 private:
  static double cpu(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
  }
};

/// Clients in a closed loop, all on the calling thread: each sends its next request when the last
/// is answered.
class Clients {
 public:
  Clients(int port, size_t count) : poll_(epoll_create1(0)), begun_(count) {
    for (size_t i = 0; i < count; ++i) {
      connections_.push_back(std::make_unique<Loopback>(port));
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      epoll_ctl(poll_, EPOLL_CTL_ADD, connections_[i]->socket(), &event);
    }
  }
  ~Clients() { ::close(poll_); }
  Clients(const Clients&) = delete;

  /// `requests` in all, each of them `request`.
  Spent run(const std::string& request, size_t requests) {
    Spent spent;
    size_t sent = 0;
    const auto send_next = [&](size_t i) {
      if (sent++ >= requests) return;
      begun_[i] = Clock::now();
      connections_[i]->send(request);
    };
    const Others before = Others::now();
    for (size_t i = 0; i < connections_.size(); ++i) send_next(i);
    while (spent.wall_us.size() < requests) {
      epoll_event events[64];
      const int ready = epoll_wait(poll_, events, 64, 10000);
      if (ready <= 0) give_up("no answer came within 10 s");
      for (int k = 0; k < ready; ++k) {
        const size_t i = events[k].data.u64;
        if (!connections_[i]->receive()) continue;
        spent.wall_us.push_back(
            std::chrono::duration<double, std::micro>(Clock::now() - begun_[i]).count());
        send_next(i);
      }
    }
    const Others after = Others::now();
    spent.cpu_us = after.cpu_us - before.cpu_us;
    spent.switches = after.switches - before.switches;
    return spent;
  }

 private:
  using Clock = std::chrono::steady_clock;
  const int poll_;
  std::vector<std::unique_ptr<Loopback>> connections_;
  std::vector<Clock::time_point> begun_;
};

}  // namespace weir::bench
