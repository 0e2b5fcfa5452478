#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admission.h"
#include "choice.h"
#include "ticket.h"
#include "usage_account.h"
#include "weir/serve/service.h"

namespace weir::serve {

/// A generation that is in the work queue: waits on all choices at once, keeps its permit's books,
/// and tells log and metrics how it ended.
class RunningGeneration final : public Generation {
 public:
  /// REQUIRES: one reader and one of `rows` a choice; rows hold SamplingParams.
  RunningGeneration(Ticket ticket, Admitted admitted, std::vector<Row> rows, const Sampling& asked,
                    const Clock& clock);
  ~RunningGeneration() override;

  const std::string& model() const override { return ticket_.model_name(); }
  const std::vector<std::vector<int32_t>>& prompts() const override { return prompts_; }
  Result<std::optional<Delta>> next(std::chrono::milliseconds limit) override;
  std::optional<Wake> wake() const override { return Wake{bell_, ticket_.deadline}; }
  bool done() const override { return ended_; }
  std::optional<Standing> standing() override;
  Usage usage() const override;

 private:
  /// One look at every choice, from the one whose turn it is.
  Result<std::optional<Delta>> look();
  Result<std::optional<Delta>> fail(Error error);
  void abandon(std::string_view finish);  // closes what still runs
  void charge();                          // prompts of the choices that began, tokens so far
  void observe(const Choice& choice, std::string_view finish);
  void end(std::string_view finish);  // settles and writes the line; once
  uint32_t completion_tokens() const;

  const Clock& clock_;
  Ticket ticket_;
  UsageAccount account_;
  const std::shared_ptr<Doorbell> bell_;
  const TimePoint queued_at_;
  std::vector<std::vector<int32_t>> prompts_;
  std::vector<std::unique_ptr<Choice>> choices_;
  size_t turn_ = 0, running_ = 0;
  size_t place_ = SIZE_MAX;  // in the queue, as last seen
  bool ended_ = false;
  FinishReason last_reason_ = FinishReason::stop;
  std::optional<Error> error_;
};

}  // namespace weir::serve
