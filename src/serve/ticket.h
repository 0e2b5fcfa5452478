#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model_set.h"
#include "weir/base/clock.h"
#include "weir/serve/answer.h"
#include "weir/traffic/ledger.h"

namespace weir::serve {

/// Counts calls and generations that have not ended, for the drain.
class InFlight {
 public:
  explicit InFlight(std::shared_ptr<std::atomic<size_t>> count) : count_(std::move(count)) {
    ++*count_;
  }
  InFlight(InFlight&& other) noexcept = default;
  InFlight& operator=(InFlight&&) = delete;
  ~InFlight() {
    if (count_) --*count_;
  }

 private:
  std::shared_ptr<std::atomic<size_t>> count_;
};

/// Whose request it is, of which model, since when: what its checks, its log line and its metrics
/// need.
struct Ticket {
  InFlight in_flight;
  std::string request_id;
  std::shared_ptr<const traffic::Key> key;
  std::shared_ptr<const ReadyModel> model;
  TimePoint arrival;  // at the service
  std::optional<TimePoint> deadline;
  int priority = 5;                      // the key's, or less
  TimePoint at_gate = {};                // since when it stands there
  std::chrono::milliseconds waited{0};   // there
  traffic::Ledger* ledger = nullptr;     // null: none is kept
  std::string_view task = {};            // its name, for the log
  const char* response_cache = nullptr;  // how it served the request: "hit", "coalesced"

  const std::string& model_name() const { return model->served.name; }
};

/// The word for `code` in logs and metrics.
std::string_view code_word(Code code);

/// "stop", "length", "abort" (by the client or its deadline) or "error".
std::string_view finish_word(FinishReason reason);
std::string_view finish_word(Code code);

/// The one line of a request that entered the queue.
void log_end(const Ticket& ticket, size_t rows, const Usage& usage, std::string_view finish);

struct Refused {
  std::string_view request_id, key, model;  // as far as they are known
  const Error& reason;
};
/// The one line of a request that did not. Shows no word of a prompt or of a name that the client
/// made up.
void log_refusal(const Refused& refused);

/// Log and metrics of a request that was refused after it had its ticket.
void note_refusal(const Ticket& ticket, const Error& error);

Error deadline_passed(const Ticket& ticket, uint32_t completion_tokens);

double milliseconds_of(Duration duration);
double seconds_of(Duration duration);

}  // namespace weir::serve
