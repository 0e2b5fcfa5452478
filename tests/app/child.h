#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

namespace weir::app {

/// The real binary as a child process, its standard output and error read through pipes. Dies with
/// the test. `shell`: what a shell does before it becomes the binary, "ulimit -n 200".
class Child {
 public:
  explicit Child(std::vector<std::string> arguments, const std::string& input = "",
                 const std::vector<std::string>& environment = {}, const std::string& shell = "") {
    int in[2], out[2], err[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
      std::abort();
    arguments.insert(arguments.begin(), WEIR_BINARY);
    if (!shell.empty())
      arguments.insert(arguments.begin(), {"/bin/sh", "-c", shell + R"(; exec "$0" "$@")"});
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], 0), dup2(out[1], 1), dup2(err[1], 2);
      run(arguments, environment);
    }
    close(in[0]), close(out[1]), close(err[1]);
    if (write(in[1], input.data(), input.size()) < 0) std::abort();
    close(in[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Child() {
    if (!ended_) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
    close(out_), close(err_);
  }
  Child(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const { kill(pid_, number); }

  /// Reads standard error until `text` stands in it, at most 20 s. Returns whether it came.
  bool wait_for(const std::string& text) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (errors_.find(text) == std::string::npos) {
      pollfd ready{.fd = err_, .events = POLLIN, .revents = 0};
      if (std::chrono::steady_clock::now() > deadline) return false;
      if (poll(&ready, 1, 100) > 0 && !read_some(err_, errors_))
        return errors_.find(text) != std::string::npos;
    }
    return true;
  }

  /// Waits for the end; the exit code, or 1000 + the signal that killed it.
  int wait() {
    while (read_some(err_, errors_)) {
    }
    while (read_some(out_, output_)) {
    }
    int status = 0;
    waitpid(pid_, &status, 0);
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  /// Waits for the end while nobody reads what it says, at most 20 s; the exit code, or -1.
  int wait_unread() {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline) return -1;
      usleep(10'000);
    }
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  /// From now on its standard error takes one page that nobody has read.
  void narrow_errors() const { fcntl(err_, F_SETPIPE_SZ, 4096); }

  const std::string& output() const { return output_; }
  const std::string& errors() const { return errors_; }
  /// The errors, the lines of a long message of the log joined.
  std::string messages() const {
    std::string between(26, ' ');
    between[0] = '\n';
    std::string joined = errors_;
    for (size_t at; (at = joined.find(between)) != std::string::npos;)
      joined.replace(at, between.size(), 1, ' ');
    return joined;
  }

 private:
  [[noreturn]] static void run(std::vector<std::string>& arguments,
                               const std::vector<std::string>& environment) {
    for (const std::string& each : environment) putenv(const_cast<char*>(each.c_str()));
    std::vector<char*> argv;
    for (std::string& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
  }

  static bool read_some(int from, std::string& to) {
    char buffer[4096];
    ssize_t count = read(from, buffer, sizeof buffer);
    if (count > 0) to.append(buffer, static_cast<size_t>(count));
    return count > 0;
  }

  pid_t pid_ = 0;
  int out_ = -1, err_ = -1;
  bool ended_ = false;
  std::string output_, errors_;
};

}  // namespace weir::app
