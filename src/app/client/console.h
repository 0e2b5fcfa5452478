#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace weir::app {

/// Standard input, output and error of a person or a pipe, and the signals by which they stop or
/// end the process: SIGINT, SIGTERM, SIGHUP. Made before the first other thread, so that all
/// threads block these signals. SIGPIPE is ignored from then on. Used by one thread, but write()
/// and note().
class Console {
 public:
  Console();
  ~Console();
  Console(const Console&) = delete;

  bool has_person() const { return reads_terminal_; }      // standard input is a terminal
  bool notes_are_seen() const { return notes_terminal_; }  // standard error is a terminal

  /// Waits for a line of standard input. None: it has ended, or a signal came (see signal()).
  std::optional<std::string> read_line();

  /// Waits at most `limit` for a signal. Once one has come, it is told again and again until
  /// forget_signal().
  std::optional<int> wait_for_signal(std::chrono::milliseconds limit);
  std::optional<int> signal() const { return signal_; }
  void forget_signal() { signal_.reset(); }

  /// To standard output. On a terminal without control characters but tab and line break: a model
  /// must not move the cursor. False: nobody reads it any more.
  bool write(std::string_view text) const;
  /// To standard error, as it is.
  void note(std::string_view text) const;

 private:
  enum class Came : uint8_t { input, signal, nothing };
  Came wait(bool for_input, int limit_ms);

  const bool reads_terminal_, writes_terminal_, notes_terminal_;
  int signals_ = -1;  // a signalfd
  std::optional<int> signal_;
  std::string input_;  // read and not given out
  bool ended_ = false;
};

/// `text` without control characters, but tab and line break.
std::string without_controls(std::string_view text);

}  // namespace weir::app
