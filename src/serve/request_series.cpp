#include "request_series.h"

#include <algorithm>
#include <array>

#include "ticket.h"

namespace weir::serve {
namespace {

constexpr std::array kFinishReasons{"stop", "length", "abort", "error"};
constexpr std::array kRefusals{Code::rate_limited, Code::never_fits, Code::overloaded,
                               Code::unavailable, Code::cancelled};

Labels with(Labels labels, const char* name, std::string_view value) {
  labels.emplace(name, value);
  return labels;
}

}  // namespace

// Each reason is there from the start, since a rate needs the 0 before the first 1.
RequestSeries::RequestSeries(Registry& in, const std::string& model)
    : in_(in), of_{{"model", model}} {
  for (const char* reason : kFinishReasons)
    ends_.emplace_back(reason, in_.counter("weir_requests_total", "Requests finished.",
                                           with(of_, "finish_reason", reason)));
  for (Code code : kRefusals) refusals(code_word(code));
  refusals("other");
}

Counter RequestSeries::refusals(std::string_view reason) const {
  return in_.counter("weir_refused_total", "Requests refused.", with(of_, "reason", reason));
}

void RequestSeries::refused(Code code) const {
  if (std::find(kRefusals.begin(), kRefusals.end(), code) != kRefusals.end())
    refusals(code_word(code)).add();
}

void RequestSeries::finished(const FinishedSequence& sequence) const {
  for (const auto& [reason, count] : ends_)
    if (reason == sequence.reason) count.add();
  prompt_total_.add(sequence.prompt_tokens);
  cached_total_.add(sequence.cached_tokens);
  generated_total_.add(sequence.generated_tokens);
  if (!sequence.branch) prompt_.observe(sequence.prompt_tokens);
  generated_.observe(sequence.generated_tokens);
  if (sequence.max_tokens > 0) max_tokens_.observe(sequence.max_tokens);
  whole_.observe(sequence.whole);
  queue_.observe(sequence.queue);
  inference_.observe(sequence.prefill + sequence.decode);
  prefill_.observe(sequence.prefill);
  decode_.observe(sequence.decode);
  if (sequence.generated_tokens > 1)
    per_token_.observe(sequence.decode / (sequence.generated_tokens - 1));
}

}  // namespace weir::serve
