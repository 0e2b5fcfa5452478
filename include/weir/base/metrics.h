#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
struct MetricFamily;
}  // namespace prometheus

namespace weir {

using Labels = std::map<std::string, std::string>;

/// A number that only grows. Like the instruments below it is a handle: cheap to copy, thread-safe,
/// valid as long as its registry. Copies observe the same series.
class Counter {
 public:
  void add(double by = 1) const;

 private:
  friend class Registry;
  explicit Counter(prometheus::Counter& series) : series_(&series) {}
  prometheus::Counter* series_;
};

/// A number that rises and falls.
class Gauge {
 public:
  void set(double value) const;

 private:
  friend class Registry;
  explicit Gauge(prometheus::Gauge& series) : series_(&series) {}
  prometheus::Gauge* series_;
};

/// How often values came, by size. Takes a lock: observe per request or per step.
class Histogram {
 public:
  void observe(double value) const;

 private:
  friend class Registry;
  explicit Histogram(prometheus::Histogram& series) : series_(&series) {}
  prometheus::Histogram* series_;
};

/// Buckets for durations in seconds from half a millisecond on.
inline constexpr double kShortSeconds[] = {.0005, .001, .002, .005, .01, .02, .05, .1,  .2,
                                           .5,    1,    2,    5,    10,  30,  60,  120, 600};

/// Takes what is looked at when /metrics is read. A series is shown as long as each scrape tells
/// it, so labels may change and models may go.
class Scrape {
 public:
  /// REQUIRES: the registry has no instrument called `name`.
  void counter(std::string_view name, std::string_view help, const Labels& labels, double value);
  void gauge(std::string_view name, std::string_view help, const Labels& labels, double value);

 private:
  friend class Registry;
  explicit Scrape(std::vector<prometheus::MetricFamily>& families) : families_(families) {}
  std::vector<prometheus::MetricFamily>& families_;
};

/// All series of the process, and their text for `/metrics`: ours under `weir_`, vLLM's names as
/// aliases, and what Prometheus's client libraries tell of a process. Thread-safe.
///
/// The same name and labels give the same series. A family (the series of one name) has at most
/// kMostSeries; what comes beyond is counted under the label value "other", so that labels which a
/// client made up cannot fill the memory. Getting an instrument takes a lock: keep it where it is
/// observed often. REQUIRES: a name stands for one kind of instrument, one help and one set of
/// label names.
class Registry {
 public:
  static constexpr size_t kMostSeries = 1000;

  Registry();
  ~Registry();
  Registry(const Registry&) = delete;

  Counter counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  /// `buckets`: upper bounds, rising; those of the first call for a series hold.
  Histogram histogram(std::string_view name, std::string_view help, const Labels& labels,
                      std::span<const double> buckets);

  /// Prometheus text format.
  std::string text() const;

 private:
  friend class ScrapeHook;
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

/// Calls `look` at each scrape, until it dies; its destructor waits for a call that runs. Make it
/// the last member of the object that `look` looks at. REQUIRES: `look` makes and ends no hook.
class ScrapeHook {
 public:
  ScrapeHook(Registry& registry, std::function<void(Scrape&)> look);
  ~ScrapeHook();
  ScrapeHook(const ScrapeHook&) = delete;

 private:
  friend class Registry;
  Registry& registry_;
  const std::function<void(Scrape&)> look_;
};

}  // namespace weir
