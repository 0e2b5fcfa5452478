#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "generation.h"

namespace weir::serve {

/// A generation that still stands in line at the gate; once through it is a RunningGeneration. A
/// refusal on the way is its end, and told to log and metrics as such.
class WaitingGeneration final : public Generation {
 public:
  /// `asked` is copied. `admission`, `clock` and `caller` outlive it.
  WaitingGeneration(Ticket ticket, traffic::Place place, std::vector<Row> rows, Sampling asked,
                    const Admission& admission, const Clock& clock, Caller& caller);
  ~WaitingGeneration() override;

  const std::string& model() const override { return model_; }
  const std::vector<std::vector<int32_t>>& prompts() const override { return prompts_; }
  Result<std::optional<Delta>> next(std::chrono::milliseconds limit) override;
  std::optional<Wake> wake() const override { return running_ ? running_->wake() : std::nullopt; }
  bool done() const override { return error_ || (running_ && running_->done()); }
  std::optional<Standing> standing() override;
  Usage usage() const override;

 private:
  /// What it is until it is through.
  struct Line {
    Ticket ticket;
    traffic::Place place;
    std::vector<Row> rows;
  };

  /// From the line into the queue, within `limit`; false: it still waits.
  Result<bool> pass(std::chrono::milliseconds limit);
  Error refuse(Error error);

  const Admission& admission_;
  const Clock& clock_;
  Caller& caller_;
  const Sampling asked_;
  const std::string model_;
  std::vector<std::vector<int32_t>> prompts_;
  std::optional<Line> line_;
  std::unique_ptr<RunningGeneration> running_;
  std::optional<Error> error_;
};

}  // namespace weir::serve
