#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "app/client/daemon_client.h"
#include "app/client/event_lines.h"
#include "weir/base/result.h"

namespace weir::app {

/// What came of a chat request.
struct ChatAnswer {
  std::string text;
  int64_t tokens = 0;
  bool cut = false;      // by max_tokens or the end of the context
  bool stopped = false;  // by stop()
  std::chrono::duration<double> to_first{0},
      to_last{0};  // from the request to the first, last text

  /// Tokens a second after the first text; 0: too few to tell.
  double tokens_per_second() const;
};

/// "[64 tokens, 31.5 tokens/s, the first after 0.21 s]", and how the answer ended early.
std::string summary_of(const ChatAnswer& answer);

/// One chat request whose answer streams. Its body asks for a stream and for continuous usage.
class ChatCall {
 public:
  ChatCall(const DaemonAccess& access, std::string body);

  /// Waits for the end. `show` gets the answer's text piece by piece; false from it stops the
  /// answer. Errors: as of DaemonClient; unavailable, the answer broke off.
  Result<ChatAnswer> run(const std::function<bool(std::string_view)>& show);

  /// Closes the connection, so that the daemon cancels the request. Thread-safe. run() may open the
  /// connection just then, so it is called until run() has returned.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;

  void take_event(std::string_view data, const std::function<bool(std::string_view)>& show);
  bool take_piece(std::string_view piece, const std::function<bool(std::string_view)>& show);
  void read_chunk(std::string_view data, std::string& text);

  const DaemonAccess access_;
  const std::string body_;
  httplib::Client client_;
  std::atomic<bool> stopped_ = false;
  int status_ = 0;
  std::string refusal_;  // the body of an answer that is no stream
  EventLines events_;
  bool ended_ = false;
  std::string failure_;  // that the stream told
  Clock::time_point begun_;
  ChatAnswer answer_;
};

}  // namespace weir::app
