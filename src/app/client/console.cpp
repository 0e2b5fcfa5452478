#include "app/client/console.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "weir/base/utf8.h"

namespace weir::app {
namespace {

constexpr int kForever = -1;

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

sigset_t signal_set() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  return set;
}

/// C0 but tab and line break, DEL, and C1, which UTF-8 writes as C2 80 to C2 9F.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1)
    return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7F;
  return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

}  // namespace

std::string without_controls(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t length = std::max<size_t>(1, utf8_length(text));
    const std::string_view character = text.substr(0, length);
    if (!is_control(character)) shown += character;
    text.remove_prefix(length);
  }
  return shown;
}

Console::Console()
    : reads_terminal_(isatty(STDIN_FILENO) == 1),
      writes_terminal_(isatty(STDOUT_FILENO) == 1),
      notes_terminal_(isatty(STDERR_FILENO) == 1) {
  const sigset_t set = signal_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  std::signal(SIGPIPE, SIG_IGN);
}

Console::~Console() {
  if (signals_ >= 0) close(signals_);
}

Console::Came Console::wait(bool for_input, int limit_ms) {
  std::array<pollfd, 2> files{
      pollfd{.fd = signals_, .events = POLLIN, .revents = 0},
      pollfd{.fd = for_input ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
  if (poll(files.data(), files.size(), limit_ms) <= 0) return Came::nothing;
  signalfd_siginfo info{};
  if (files[0].revents != 0 && read(signals_, &info, sizeof info) == sizeof info) {
    signal_ = static_cast<int>(info.ssi_signo);
    return Came::signal;
  }
  return files[1].revents != 0 ? Came::input : Came::nothing;
}

std::optional<std::string> Console::read_line() {
  while (true) {
    const size_t end = input_.find('\n');
    if (end != std::string::npos) {
      std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      return line;
    }
    if (ended_ && input_.empty()) return std::nullopt;
    if (ended_) return std::exchange(input_, "");
    const Came came = wait(true, kForever);
    if (came == Came::signal) return std::nullopt;
    if (came == Came::nothing) continue;
    std::array<char, 4096> piece{};
    const ssize_t count = read(STDIN_FILENO, piece.data(), piece.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count > 0)
      input_.append(piece.data(), static_cast<size_t>(count));
    else
      ended_ = true;
  }
}

std::optional<int> Console::wait_for_signal(std::chrono::milliseconds limit) {
  if (!signal_) wait(false, static_cast<int>(limit.count()));
  return signal_;
}

bool Console::write(std::string_view text) const {
  return write_all(STDOUT_FILENO, writes_terminal_ ? without_controls(text) : std::string(text));
}

void Console::note(std::string_view text) const { write_all(STDERR_FILENO, text); }

}  // namespace weir::app
