#include "base/metrics_model_state.h"

#include "weir/base/excerpt.h"
#include "weir/base/utf8.h"

namespace weir {
namespace {

constexpr size_t kMostReason = 400;  // bytes of a label

prometheus::Family<prometheus::Gauge>& gauges(prometheus::Registry& registry,
                                              const std::string& name, const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

}  // namespace

ModelStateSeries::ModelStateSeries(prometheus::Registry& registry)
    : state_(gauges(registry, "weir_model_state",
                    "1 for the state that a model is in: loading, ready or failed.")),
      failure_(gauges(registry, "weir_model_failure_info",
                      "Why a model cannot be loaded, as a label.")) {}

void ModelStateSeries::set(const std::string& model, std::string_view state,
                           const std::string& reason) {
  std::lock_guard lock(mutex_);
  for (const char* each : {"loading", "ready", "failed"})
    state_.Add({{"model", model}, {"state", each}}).Set(state == each ? 1 : 0);
  prometheus::Gauge*& info = reasons_[model];
  if (info) failure_.Remove(info);
  info = nullptr;
  if (state != "failed") return;
  info = &failure_.Add({{"model", model}, {"reason", excerpt(valid_utf8(reason), kMostReason)}});
  info->Set(1);
}

}  // namespace weir
