#include "weir/base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <sstream>
#include <utility>

#include "base/metrics_aliases.h"
#include "base/metrics_process.h"

namespace weir {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct Name {
  std::string_view name, help;
};

/// The families of one kind of instrument. Not thread-safe.
template <class Series>
class Families {
 public:
  using Builder = prometheus::detail::Builder<Series>;
  Families(prometheus::Registry& registry, Builder (*build)())
      : registry_(registry), build_(build) {}

  template <class... Buckets>
  Series& find(const Name& id, Labels labels, const Buckets&... buckets) {
    Family& family = this->family(id);
    const auto known = family.series.find(labels);
    if (known != family.series.end()) return *known->second;
    if (family.series.size() >= Registry::kMostSeries)
      for (auto& [label, value] : labels) value = "other";
    Series*& series = family.series[labels];
    if (!series) series = &family.in->Add(labels, buckets...);
    return *series;
  }

 private:
  struct Family {
    prometheus::Family<Series>* in;
    std::map<Labels, Series*> series;
  };

  Family& family(const Name& id) {
    const auto known = families_.find(id.name);
    if (known != families_.end()) return known->second;
    const std::string name(id.name);
    auto& made = build_().Name(name).Help(std::string(id.help)).Register(registry_);
    return families_[name] = {&made, {}};
  }

  prometheus::Registry& registry_;
  Builder (*const build_)();
  std::map<std::string, Family, std::less<>> families_;
};

ClientMetric& add(std::vector<MetricFamily>& families, MetricFamily of, const Labels& labels) {
  auto family = std::find_if(families.begin(), families.end(),
                             [&](const MetricFamily& known) { return known.name == of.name; });
  if (family == families.end()) family = families.insert(family, std::move(of));
  ClientMetric& series = family->metric.emplace_back();
  for (const auto& [name, value] : labels) series.label.push_back({name, value});
  return series;
}

}  // namespace

void Counter::add(double by) const { series_->Increment(by); }
void Gauge::set(double value) const { series_->Set(value); }
void Histogram::observe(double value) const { series_->Observe(value); }

void Scrape::counter(std::string_view name, std::string_view help, const Labels& labels,
                     double value) {
  add(families_, {std::string(name), std::string(help), MetricType::Counter, {}}, labels)
      .counter.value = value;
}

void Scrape::gauge(std::string_view name, std::string_view help, const Labels& labels,
                   double value) {
  add(families_, {std::string(name), std::string(help), MetricType::Gauge, {}}, labels)
      .gauge.value = value;
}

class Registry::Impl {
 public:
  prometheus::Registry registry;
  std::mutex mutex;  // guards the families
  Families<prometheus::Counter> counters{registry, prometheus::BuildCounter};
  Families<prometheus::Gauge> gauges{registry, prometheus::BuildGauge};
  Families<prometheus::Histogram> histograms{registry, prometheus::BuildHistogram};
  std::mutex hooks_mutex;  // guards the hooks, and is held while they are called
  std::vector<const ScrapeHook*> hooks;
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  return Counter(impl_->counters.find({name, help}, labels));
}

Gauge Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  return Gauge(impl_->gauges.find({name, help}, labels));
}

Histogram Registry::histogram(std::string_view name, std::string_view help, const Labels& labels,
                              std::span<const double> buckets) {
  const prometheus::Histogram::BucketBoundaries bounds(buckets.begin(), buckets.end());
  std::lock_guard lock(impl_->mutex);
  return Histogram(impl_->histograms.find({name, help}, labels, bounds));
}

std::string Registry::text() const {
  std::vector<MetricFamily> told;
  Scrape scrape(told);
  {
    std::lock_guard lock(impl_->hooks_mutex);
    for (const ScrapeHook* hook : impl_->hooks) hook->look_(scrape);
  }
  tell_process(scrape);
  auto families = impl_->registry.Collect();
  std::move(told.begin(), told.end(), std::back_inserter(families));
  add_aliases(families);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

ScrapeHook::ScrapeHook(Registry& registry, std::function<void(Scrape&)> look)
    : registry_(registry), look_(std::move(look)) {
  std::lock_guard lock(registry_.impl_->hooks_mutex);
  registry_.impl_->hooks.push_back(this);
}

ScrapeHook::~ScrapeHook() {
  std::lock_guard lock(registry_.impl_->hooks_mutex);
  std::erase(registry_.impl_->hooks, this);
}

}  // namespace weir
