#include "base/metrics_capacity.h"

namespace weir {
namespace {

prometheus::Family<prometheus::Gauge>& gauges(prometheus::Registry& registry,
                                              const std::string& name, const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

// The same labels give the same series, so that none needs to be remembered here.
void put(prometheus::Family<prometheus::Gauge>& family, const prometheus::Labels& labels,
         std::optional<double> value) {
  if (value) {
    family.Add(labels).Set(*value);
  } else if (family.Has(labels)) {
    family.Remove(&family.Add(labels));
  }
}

}  // namespace

CapacitySeries::CapacitySeries(prometheus::Registry& registry)
    : speed_(gauges(registry, "weir_capacity_tokens_per_second",
                    "What a model's capacity learned from its steps, by phase.")),
      first_token_(gauges(registry, "weir_capacity_first_token_p99_seconds",
                          "99th percentile of the time to first token, of the last 30 s.")),
      target_(gauges(registry, "weir_capacity_first_token_target_seconds",
                     "The time to first token that a model's capacity keeps.")),
      backlog_(gauges(registry, "weir_capacity_backlog_seconds",
                      "Predicted time to first token of who would come last.")),
      caution_(gauges(registry, "weir_capacity_caution",
                      "Predictions count for so many times as long.")) {}

void CapacitySeries::set(const std::string& model, const std::optional<CapacitySample>& now) {
  const auto part = [&](double CapacitySample::*field) {
    return now ? std::optional((*now).*field) : std::nullopt;
  };
  put(speed_, {{"model", model}, {"phase", "prefill"}}, part(&CapacitySample::prefill_speed));
  put(speed_, {{"model", model}, {"phase", "decode"}}, part(&CapacitySample::decode_speed));
  put(first_token_, {{"model", model}}, part(&CapacitySample::first_token_p99_s));
  put(target_, {{"model", model}}, part(&CapacitySample::first_token_target_s));
  put(backlog_, {{"model", model}}, part(&CapacitySample::backlog_s));
  put(caution_, {{"model", model}}, part(&CapacitySample::caution));
}

}  // namespace weir
