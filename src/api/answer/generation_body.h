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

/// A generation as a body that is made while it is sent. It dies with the body and cancels.
class GenerationBody final : public Body {
 public:
  /// `call` and `api` outlive it.
  GenerationBody(const Call& call, const Api& api, std::unique_ptr<serve::Generation> generation,
                 std::unique_ptr<StreamForm> form);

  /// Returns when there is something to say or the request has to wait, so that what fails before
  /// is a plain answer. Errors: the generation's; cancelled (the client left).
  Result<void> begin();
  /// REQUIRES: begin() went well.
  Piece next(std::chrono::milliseconds limit) override;
  std::optional<serve::Wake> wake() const override;

 private:
  using Clock = std::chrono::steady_clock;

  /// What comes within a moment: pieces, or a word to a client that waits.
  Result<void> advance(std::chrono::milliseconds limit);
  Result<void> gather(std::chrono::milliseconds limit);
  void keep_alive();
  bool looks_at_line() const;
  bool has_something() const;  // for the client, be it the answer's head
  bool can_be_left() const;    // with nothing said yet but comments, and a bell
  /// What is in out_.
  Piece said();
  Piece end_with(const Error& error);

  const Call& call_;
  const Api& api_;
  std::unique_ptr<serve::Generation> generation_;
  std::unique_ptr<StreamForm> form_;
  WaitingNotes notes_;
  std::string out_;               // not said yet
  std::optional<Error> failure_;  // to be said after it
  bool waits_ = false;            // it has a place in a line worth telling
  bool head_sent_ = false;        // of the answer
  bool started_ = false;
  Clock::time_point written_ = Clock::now();
};

}  // namespace weir::api
