#include "app/client/own_daemon.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "weir/traffic/key.h"

namespace weir::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFarewell{3000};  // in which it ends by SIGTERM
constexpr milliseconds kLook{10};

/// What it is started with. Made before the fork: the child may not allocate.
class Start {
 public:
  Start(const std::vector<std::string>& flags, const std::string& key)
      : words_{"weir",        "serve",         "--host", "127.0.0.1",       "--port",
               "0",           "--log-format",  "text",   "--log-level",     "warning",
               "--data-dir=", "--drain-delay", "0s",     "--drain-timeout", "1s"} {
    words_.insert(words_.end(), flags.begin(), flags.end());
    for (char** variable = environ; *variable != nullptr; ++variable) {
      const std::string text = *variable;
      if (!text.starts_with("WEIR_API_KEY=") && !text.starts_with("WEIR_KEYS="))
        variables_.push_back(text);
    }
    variables_.push_back("WEIR_API_KEY=" + key);
    for (std::string& word : words_) argv_.push_back(word.data());
    for (std::string& variable : variables_) envp_.push_back(variable.data());
    argv_.push_back(nullptr);
    envp_.push_back(nullptr);
  }

  [[noreturn]] void become(int log, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);  // it ended before this was asked for
    setpgid(0, 0);                      // a terminal's Ctrl-C is not for it
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execve("/proc/self/exe", argv_.data(), envp_.data());
    _exit(127);
  }

 private:
  std::vector<std::string> words_, variables_;
  std::vector<char*> argv_, envp_;
};

Error failed(const char* what) {
  return {.message =
              std::string("a daemon cannot be started: ") + what + ": " + std::strerror(errno)};
}

}  // namespace

Result<std::unique_ptr<OwnDaemon>> OwnDaemon::start(const std::vector<std::string>& flags) {
  auto key = traffic::make_key("chat");
  if (!key) return key.error();
  const int log = memfd_create("weir-log", MFD_CLOEXEC);
  if (log < 0) return failed("memfd_create");
  std::unique_ptr<OwnDaemon> daemon(new OwnDaemon(log, key->secret));
  Start start(flags, key->secret);
  const pid_t parent = getpid();
  const pid_t process = fork();
  if (process < 0) return failed("fork");
  if (process == 0) start.become(log, parent);
  daemon->process_ = process;
  return daemon;
}

OwnDaemon::~OwnDaemon() {
  if (process_ > 0 && !ended()) {
    kill(process_, SIGTERM);
    const auto deadline = steady_clock::now() + kFarewell;
    while (!ended() && steady_clock::now() < deadline) std::this_thread::sleep_for(kLook);
  }
  if (process_ > 0 && !ended_) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  close(log_);
}

std::optional<DaemonAccess> OwnDaemon::access() const {
  const auto address = address_of(process_);
  return address ? std::optional(DaemonAccess{.address = *address, .key = key_}) : std::nullopt;
}

bool OwnDaemon::ended() {
  if (!ended_) ended_ = waitpid(process_, nullptr, WNOHANG) == process_;
  return ended_;
}

std::string OwnDaemon::last_words() const {
  constexpr off_t kMost = 4096;
  struct stat log {};
  fstat(log_, &log);
  std::string text(static_cast<size_t>(std::min(log.st_size, kMost)), '\0');
  const ssize_t count =
      pread(log_, text.data(), text.size(), std::max<off_t>(0, log.st_size - kMost));
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, count)));
  return text;
}

}  // namespace weir::app
