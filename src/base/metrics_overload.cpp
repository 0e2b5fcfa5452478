#include "base/metrics_overload.h"

namespace weir {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

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
      cache_bytes_(gauge(registry, "weir_response_cache_bytes",
                         "Size of the answers in the response cache.")),
      cache_answers_(
          gauge(registry, "weir_response_cache_answers", "Answers in the response cache.")),
      intake_waiting_(gauge(registry, "weir_intake_waiting",
                            "Requests that wait to be parsed, rendered and tokenized.")),
      intake_running_(gauge(registry, "weir_intake_running",
                            "Requests that are being parsed, rendered and tokenized.")),
      intake_bytes_(gauge(registry, "weir_intake_bytes", "Size of the bodies that are held.")),
      intake_refused_(BuildCounter()
                          .Name("weir_intake_refused_total")
                          .Help("Requests whose body found no room.")
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

void OverloadSeries::set_intake(const IntakeSample& now) {
  intake_waiting_.Set(static_cast<double>(now.waiting));
  intake_running_.Set(static_cast<double>(now.running));
  intake_bytes_.Set(static_cast<double>(now.bytes));
}

void OverloadSeries::set_response_cache(size_t bytes, size_t answers) {
  cache_bytes_.Set(static_cast<double>(bytes));
  cache_answers_.Set(static_cast<double>(answers));
}

}  // namespace weir
