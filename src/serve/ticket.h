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
#include "weir/work/work_queue.h"

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

/// The key, the model and the times of a request: what its checks and its metrics need.
struct Ticket {
  InFlight in_flight;
  std::string request_id;
  std::shared_ptr<const traffic::Key> key;
  std::shared_ptr<const ReadyModel> model;
  TimePoint arrival;                                 // at the service, its body read
  std::optional<std::chrono::milliseconds> timeout;  // that the client asked for
  std::optional<TimePoint> deadline;                 // counts from before the body was read
  int priority = 5;                                  // the key's, or less
  TimePoint at_gate = {};                            // when it came to the gate
  std::chrono::milliseconds waited{0};               // at the gate
  traffic::Ledger* ledger = nullptr;                 // null: none is kept
  std::shared_ptr<RequestLine> line = nullptr;       // null: the log has none of it

  const std::string& model_name() const { return model->served.name; }
  work::WorkQueue::Asker asker() const { return {key->name, priority, key->weight}; }
};

/// The word for `code` in logs and metrics.
std::string_view code_word(Code code);

/// "stop", "length", "abort" (by the client or its deadline) or "error".
std::string_view finish_word(FinishReason reason);
std::string_view finish_word(Code code);

/// Tells the log's line what became of a request that entered the queue.
void note_end(const Ticket& ticket, size_t rows, const Usage& usage, std::string_view finish);

/// Tells line and metrics of a request that was refused after it had its ticket.
void note_refusal(const Ticket& ticket, const Error& error);

/// The error of a request whose deadline passed. REQUIRES: it has one.
Error deadline_passed(const Ticket& ticket, uint32_t completion_tokens);
/// The same, of a request with this timeout that was not in line yet.
Error deadline_passed(std::chrono::milliseconds timeout);

double milliseconds_of(Duration duration);
double seconds_of(Duration duration);

}  // namespace weir::serve
