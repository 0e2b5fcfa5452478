#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission.h"
#include "ticket.h"
#include "usage_account.h"
#include "weir/serve/generation.h"

namespace weir::serve {

/// What all requests in the work queue have in common: the wait for their rows' events, the
/// deadline, the account, and log and metrics at the end. Subclasses turn the events into pieces.
class RunningRequest : public Generation {
 public:
  const std::string& model() const final { return ticket_.model_name(); }
  const Prompts& prompts() const final { return prompts_; }
  Result<std::optional<Delta>> next(std::chrono::milliseconds limit) final;
  std::optional<Wake> wake() const final { return Wake{bell_, ticket_.deadline}; }
  bool done() const final { return ended_; }
  std::optional<PlaceInLine> standing() final;

 protected:
  struct Size {
    size_t requests = 0;          // that it counts as
    size_t rows = 0, tokens = 0;  // of all rows
  };
  static Size size_of(const std::vector<RequestRow>& rows);
  /// `clock` outlives it.
  RunningRequest(Ticket ticket, Admitted admitted, Size size, const Clock& clock);

  /// Takes what has come, without waiting.
  virtual Result<std::optional<Delta>> look() = 0;
  /// Closes the rows that still run, and writes them into the account. end() follows.
  virtual void leave(Code code) = 0;
  virtual bool begun() const = 0;  // one of its rows was planned
  virtual uint32_t completion_tokens() const { return 0; }

  Result<std::optional<Delta>> fail(Error error);  // leaves, and ends with it
  void end(std::string_view finish);               // settles, and writes the log line; called once

  const Clock& clock_;
  Ticket ticket_;
  UsageAccount account_;
  const std::shared_ptr<Doorbell> bell_;
  const TimePoint queued_at_;
  std::vector<work::ReplyReader> readers_;  // one for each row; the subclass takes them
  Prompts prompts_;

 private:
  Error end_with(Error error);

  const Size size_;
  size_t place_ = SIZE_MAX;  // in the queue, as last seen
  bool ended_ = false;
  std::optional<Error> error_;
};

}  // namespace weir::serve
