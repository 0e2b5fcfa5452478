#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "api/answer/stream_form.h"
#include "api/answer/waiting_notes.h"
#include "weir/api/api.h"
#include "weir/api/call.h"

namespace weir::api {

/// A generation as a body that is made while it is sent. The destructor cancels the generation.
class GenerationBody final : public Body {
 public:
  /// `call` and `api` outlive it.
  GenerationBody(const Call& call, const Api& api, std::unique_ptr<serve::Generation> generation,
                 std::unique_ptr<StreamForm> form);

  /// Waits until there is something to say, or the request has to wait in line. A failure before
  /// that becomes a plain answer. Errors: the generation's; cancelled (the client left).
  Result<void> begin();
  /// REQUIRES: begin() succeeded.
  Piece next(std::chrono::milliseconds limit) override;
  std::optional<serve::Wake> wake() const override;

 private:
  /// Takes what comes within `limit`: pieces, or a comment to a client that waits.
  Result<void> advance(std::chrono::milliseconds limit);
  Result<void> gather(std::chrono::milliseconds limit);
  void keep_alive();
  bool looks_at_line() const;
  bool has_something() const;  // to send, if only the answer's head
  bool can_be_left() const;    // no thread needed: only comments so far, and a bell
  /// The text in out_ as a piece.
  Piece said();
  Piece end_with(const Error& error);

  const Call& call_;
  const Api& api_;
  std::unique_ptr<serve::Generation> generation_;
  std::unique_ptr<StreamForm> form_;
  WaitingNotes notes_;
  std::string out_;               // not sent yet
  std::optional<Error> failure_;  // to be sent after out_
  bool waits_ = false;            // it has to wait in a line
  bool head_sent_ = false;        // the answer's
  bool started_ = false;
  std::chrono::steady_clock::time_point written_ = std::chrono::steady_clock::now();
};

}  // namespace weir::api
