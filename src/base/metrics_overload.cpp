#include "base/metrics_overload.h"

namespace weir {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

}  // namespace

OverloadSeries::OverloadSeries(prometheus::Registry& registry)
    : brownout_(BuildGauge()
                    .Name("weir_brownout_active")
                    .Help("1 while a brown-out rule holds for a model.")
                    .Register(registry)),
      browned_out_(BuildCounter()
                       .Name("weir_brownout_requests_total")
                       .Help("Requests that a brown-out rule shortened, refused or sent to a twin.")
                       .Register(registry)),
      responses_(BuildCounter()
                     .Name("weir_response_cache_total")
                     .Help("Requests the response cache looked up, by outcome.")
                     .Register(registry)),
      cache_bytes_(BuildGauge()
                       .Name("weir_response_cache_bytes")
                       .Help("Size of the answers in the response cache.")
                       .Register(registry)
                       .Add({})),
      cache_answers_(BuildGauge()
                         .Name("weir_response_cache_answers")
                         .Help("Answers in the response cache.")
                         .Register(registry)
                         .Add({})) {}

// The same labels give the same series, so that none needs to be remembered here.
void OverloadSeries::set_brownout(const std::string& model, const std::string& rule, bool holds) {
  brownout_.Add({{"model", model}, {"rule", rule}}).Set(holds ? 1 : 0);
}

void OverloadSeries::browned_out(const std::string& model, const std::string& rule) {
  browned_out_.Add({{"model", model}, {"rule", rule}}).Increment();
}

void OverloadSeries::response_cache(const std::string& model, std::string_view outcome) {
  responses_.Add({{"model", model}, {"outcome", std::string(outcome)}}).Increment();
}

void OverloadSeries::set_response_cache(size_t bytes, size_t answers) {
  cache_bytes_.Set(static_cast<double>(bytes));
  cache_answers_.Set(static_cast<double>(answers));
}

}  // namespace weir
