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

/// A request in the gate's line.
struct GateLine {
  Checked checked;
  traffic::Place place;
};

/// A generation that first stands in line at the gate. Once it is admitted, `through` makes the
/// generation that it passes on. A refusal in line ends it, and is written to log and metrics.
class WaitingGeneration final : public Generation {
 public:
  /// Called once, when the place is admitted. Moves from the GateLine unless it fails.
  using Through = std::function<Result<std::unique_ptr<Generation>>(GateLine&)>;
  /// `admission` and `clock` outlive it.
  WaitingGeneration(GateLine line, Through through, const Admission& admission, const Clock& clock);
  ~WaitingGeneration() override;

  const std::string& model() const override { return model_; }
  const Prompts& prompts() const override { return prompts_; }
  Result<std::optional<Delta>> next(std::chrono::milliseconds limit) override;
  void wait_for_end() override;
  std::optional<Wake> wake() const override { return running_ ? running_->wake() : std::nullopt; }
  bool done() const override { return error_ || (running_ && running_->done()); }
  std::optional<PlaceInLine> standing() override;
  Usage usage() const override;

 private:
  /// Waits at most `limit` to leave the line. False: it still waits.
  Result<bool> pass(std::chrono::milliseconds limit);
  Error refuse(Error error);

  const Admission& admission_;
  const Clock& clock_;
  const Through through_;
  const std::string model_;
  Prompts prompts_;
  std::optional<GateLine> line_;
  std::unique_ptr<Generation> running_;
  bool waits_for_end_ = false;
  std::optional<Error> error_;
};

}  // namespace weir::serve
