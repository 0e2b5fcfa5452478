#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admission.h"
#include "checked.h"
#include "weir/serve/generation.h"

namespace weir::serve {

/// What a request is until it is through the gate.
struct GateLine {
  Checked checked;
  traffic::Place place;
};

/// A generation that still stands in line at the gate; once through it is what its owner makes of
/// it. A refusal on the way is its end, and told to log and metrics as such.
class WaitingGeneration final : public Generation {
 public:
  /// Called once, when the place is admitted; takes the line apart unless it fails.
  using Through = std::function<Result<std::unique_ptr<Generation>>(GateLine&)>;
  /// `admission` and `clock` outlive it.
  WaitingGeneration(GateLine line, Through through, const Admission& admission, const Clock& clock);
  ~WaitingGeneration() override;

  const std::string& model() const override { return model_; }
  const std::vector<std::vector<int32_t>>& prompts() const override { return prompts_; }
  Result<std::optional<Delta>> next(std::chrono::milliseconds limit) override;
  std::optional<Wake> wake() const override { return running_ ? running_->wake() : std::nullopt; }
  bool done() const override { return error_ || (running_ && running_->done()); }
  std::optional<Standing> standing() override;
  Usage usage() const override;

 private:
  /// Out of the line, within `limit`; false: it still waits.
  Result<bool> pass(std::chrono::milliseconds limit);
  Error refuse(Error error);

  const Admission& admission_;
  const Clock& clock_;
  const Through through_;
  const std::string model_;
  std::vector<std::vector<int32_t>> prompts_;
  std::optional<GateLine> line_;
  std::unique_ptr<Generation> running_;
  std::optional<Error> error_;
};

}  // namespace weir::serve
