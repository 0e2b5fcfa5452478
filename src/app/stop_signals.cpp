#include "app/stop_signals.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <ctime>
#include <utility>

namespace weir::app {
namespace {

constexpr std::array kStop{SIGTERM, SIGINT, SIGQUIT};
constexpr std::array kOther{SIGHUP, SIGUSR1, SIGUSR2};

template <size_t N>
void add(sigset_t& set, const std::array<int, N>& signals) {
  for (int signal : signals) sigaddset(&set, signal);
}

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  add(set, kStop);
  return set;
}

sigset_t all_set() {
  sigset_t set = stop_set();
  add(set, kOther);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  sigset_t set = all_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

std::optional<int> StopSignals::wait(std::chrono::milliseconds limit) {
  sigset_t set = all_set(), stop = stop_set();
  timespec time{.tv_sec = limit.count() / 1000, .tv_nsec = limit.count() % 1000 * 1'000'000};
  int signal = sigtimedwait(&set, nullptr, &time);
  if (signal <= 0) return std::nullopt;
  if (sigismember(&stop, signal) == 1) return signal;
  if (signal == SIGHUP)
    hang_up_ = true;
  else
    spdlog::warn("signal {} does nothing here", signal);
  return std::nullopt;
}

bool StopSignals::take_hang_up() { return std::exchange(hang_up_, false); }

void StopSignals::let_kill() const {
  // A handler, not the default action: the default does not kill process 1 of a container.
  struct sigaction action {};
  action.sa_handler = [](int signal) { _exit(128 + signal); };
  for (int signal : kStop) sigaction(signal, &action, nullptr);
  sigset_t set = stop_set();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace weir::app
