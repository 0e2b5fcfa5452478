#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission.h"
#include "response_cache_run.h"
#include "response_cache_store.h"
#include "ticket.h"
#include "usage_account.h"

namespace weir::serve {

/// The account of a request that another request's answer serves. It is charged as a request with a
/// wholly cached prompt and no completion. A destructor before end() means that the client left.
class SparedRequest {
 public:
  SparedRequest(Ticket ticket, traffic::Permit permit, const std::vector<RequestRow>& rows);
  SparedRequest(SparedRequest&&) noexcept = default;
  ~SparedRequest();

  const Ticket& ticket() const { return *ticket_; }
  /// `usage`: of the answer. Only the first call counts.
  void end(const Usage& usage, std::string_view finish, std::optional<Code> failure = {});

 private:
  std::unique_ptr<Ticket> ticket_;  // null: moved from
  UsageAccount account_;
  size_t rows_;
  int64_t prompt_tokens_ = 0;
  bool ended_ = false;
};

/// One reader of a run.
class SharedReader final : public Generation {
 public:
  struct Of {
    std::shared_ptr<SharedRun> run;
    std::string model;
    Prompts prompts;
    std::optional<SparedRequest> books;  // of one that joined; the first one's is in the run
  };
  SharedReader(Of of, const Clock& clock) : of_(std::move(of)), clock_(clock) {}

  const std::string& model() const override { return of_.model; }
  const Prompts& prompts() const override { return of_.prompts; }
  Result<std::optional<Delta>> next(std::chrono::milliseconds limit) override;
  bool done() const override { return of_.run->ended_at(at_); }
  std::optional<PlaceInLine> standing() override;
  Usage usage() const override { return of_.run->usage(); }

 private:
  void end(std::string_view finish, std::optional<Code> failure = {});

  Of of_;
  const Clock& clock_;
  size_t at_ = 0;
};

/// Gives a stored answer, one choice in each piece.
class ReplayedGeneration final : public Generation {
 public:
  ReplayedGeneration(std::shared_ptr<const StoredAnswer> answer, Prompts prompts,
                     SparedRequest books);

  const std::string& model() const override { return books_.ticket().model_name(); }
  const Prompts& prompts() const override { return prompts_; }
  Result<std::optional<Delta>> next(std::chrono::milliseconds limit) override;
  bool done() const override { return at_ == answer_->choices.size(); }
  std::optional<PlaceInLine> standing() override { return std::nullopt; }
  Usage usage() const override { return usage_; }

 private:
  const std::shared_ptr<const StoredAnswer> answer_;
  const Prompts prompts_;
  const Usage usage_;
  SparedRequest books_;
  size_t at_ = 0;
};

/// The usage of a stored answer: its token counts, and no times.
Usage replayed(const StoredAnswer& answer);

}  // namespace weir::serve
