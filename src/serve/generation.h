#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admission.h"
#include "choice.h"
#include "running.h"
#include "weir/serve/ask.h"

namespace weir::serve {

/// A generation in the work queue. It waits for all its choices at once.
class RunningGeneration final : public RunningRequest {
 public:
  /// REQUIRES: one reader and one row for each choice; rows hold SamplingParams.
  RunningGeneration(Ticket ticket, Admitted admitted, std::vector<RequestRow> rows,
                    const Sampling& asked, const Clock& clock);
  ~RunningGeneration() override;

  void wait_for_end() override;
  Usage usage() const override;

 private:
  Result<std::optional<Delta>> look() override;  // of the choice whose turn it is
  void leave(Code code) override;
  bool begun() const override;
  uint32_t completion_tokens() const override;

  void abandon(std::string_view finish);  // closes what still runs
  /// The prompts of which a choice counts, and the tokens so far.
  void charge(bool (*counts)(const Choice& choice));
  void charge_answered();  // those of which a choice has a token
  void observe(const Choice& choice, std::string_view finish);

  std::vector<std::unique_ptr<Choice>> choices_;
  size_t turn_ = 0, running_ = 0;
  FinishReason last_reason_ = FinishReason::stop;
};

}  // namespace weir::serve
