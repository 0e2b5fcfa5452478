#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ticket.h"
#include "weir/base/doorbell.h"
#include "weir/serve/caller.h"
#include "weir/serve/generation.h"
#include "weir/serve/make_service.h"
#include "weir/traffic/gate.h"
#include "weir/work/request.h"

namespace weir::serve {

struct TaggedInput;

/// One row of a request: its tokens, and what the model does with them.
struct RequestRow {
  std::vector<int32_t> source = {};  // what an encoder-decoder's encoder reads; else empty
  std::vector<int32_t> prompt;       // of an encoder-decoder the decoder's
  std::vector<uint8_t> types = {};   // token types of a pair's prompt; empty: all 0
  work::TaskParams params;
  std::vector<uint64_t> branches = {};  // the seeds of further completions of the prompt
  uint32_t input = 0;                   // index of the request's input that it comes from
  std::string echo = {};                // shown before the completion
  bool echo_only = false;               // the drawn token is neither shown nor charged
  std::shared_ptr<const TaggedInput> tagged = {};  // of an input whose words are tagged

  /// Tokens that are read before the first is drawn: what limits, forecasts and usage count.
  size_t input_tokens() const { return source.size() + prompt.size(); }
  size_t choices() const { return branches.size() + 1; }
};

/// A row's tokens as its client knows them. `source` is empty unless the model is an
/// encoder-decoder.
PromptTokens prompt_tokens_of(std::vector<int32_t> source, std::vector<int32_t> prompt);

/// The completions of all rows, in their order; each has a reader.
size_t choices_of(const std::vector<RequestRow>& rows);

/// How many requests these rows count as: one an input, in however many windows it is read.
size_t requests_in(const std::vector<RequestRow>& rows);

/// What is known of a request's prompts before they are rendered and tokenized.
struct Extent {
  size_t rows = 0;
  size_t bytes = 0;          // those of texts, and four for each id
  int64_t least_tokens = 0;  // a lower bound, after they are cut
};

/// A request that is paid and in the queue.
struct Admitted {
  traffic::Permit permit;
  std::shared_ptr<Doorbell> bell;          // rung by each event of each reader
  std::vector<work::ReplyReader> readers;  // one for each row
  TimePoint queued_at;
};

/// Brings a checked request into the work queue: through the gate's line, then all rows together.
/// Has no state beside what it uses. A request that is refused on the way is not charged.
class Admission {
 public:
  Admission(const ServiceOptions& options, traffic::Gate& gate, const Clock& clock)
      : options_(options), gate_(gate), clock_(clock) {}

  /// A check before the work of rendering and tokenizing. Errors: overloaded, invalid_argument
  /// (more rows than an empty queue would hold).
  Result<void> check_room(const Ticket& ticket, size_t rows) const;

  /// Another check before that work, if it is large: refuses what the gate would refuse if the
  /// prompts had only `least_tokens`. Errors: the gate's.
  Result<void> check_payable(const Ticket& ticket, const Extent& extent, Caller& caller) const;

  /// Enters the gate's line. Notes the limits, and the place in line if the request has to wait,
  /// also for a refusal. Errors: the gate's; overloaded (the deadline passes before the request's
  /// turn comes).
  Result<traffic::Place> enter(Ticket& ticket, const std::vector<RequestRow>& rows,
                               Caller& caller) const;

  /// Waits at most `limit`, and not beyond the deadline; true: admitted. Errors: the gate's,
  /// deadline.
  Result<bool> wait(const Ticket& ticket, traffic::Place& place,
                    std::chrono::milliseconds limit) const;

  /// REQUIRES: `place` is admitted. Errors: the queue's.
  Result<Admitted> enqueue(Ticket& ticket, traffic::Place& place,
                           const std::vector<RequestRow>& rows, Caller& caller) const;

  /// As enter(), for a request that is answered without the model: no completion is reserved, and
  /// no queue counts. Errors: the gate's; overloaded.
  Result<traffic::Place> enter_alone(Ticket& ticket, const std::vector<RequestRow>& rows,
                                     Caller& caller) const;
  /// The permit after enter_alone(). REQUIRES: `place` is admitted.
  traffic::Permit take(Ticket& ticket, traffic::Place& place) const;

  /// What enter() and enqueue() would do now: the charge, the limits, the waits and a refusal.
  DryRun preview(const Ticket& ticket, const std::vector<RequestRow>& rows,
                 const Caller& caller) const;

 private:
  Result<traffic::Place> stand_in_line(Ticket& ticket, const traffic::Entry& entry,
                                       const PlaceInLine& queue, Caller& caller) const;
  traffic::Entry entry_of(const Ticket& ticket, const traffic::Cost& cost,
                          const Caller& caller) const;
  traffic::Cost cost_of(const std::vector<RequestRow>& rows) const;
  /// Where the request would stand in its model's queue if it entered now.
  PlaceInLine in_queue(const Ticket& ticket, const std::vector<RequestRow>& rows) const;
  /// Errors: overloaded, if the request's turn comes after its deadline.
  Result<void> check_deadline(const Ticket& ticket, std::chrono::milliseconds at_gate,
                              const PlaceInLine& queue) const;
  Error queue_refusal(Error error) const;
  void note_limits(Caller& caller, const std::vector<traffic::CellState>& cells) const;

  const ServiceOptions& options_;
  traffic::Gate& gate_;
  const Clock& clock_;
};

}  // namespace weir::serve
