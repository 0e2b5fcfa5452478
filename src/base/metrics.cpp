#include "weir/base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <sstream>
#include <vector>

#include "base/metrics_aliases.h"
#include "base/metrics_capacity.h"
#include "base/metrics_model_state.h"
#include "base/metrics_overload.h"
#include "base/metrics_process.h"

namespace weir {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using Labels = std::map<std::string, std::string>;
using Buckets = Histogram::BucketBoundaries;

// Boundaries of vLLM's histograms of the same meaning, so that its dashboards read ours.
const Buckets& first_token_buckets() {
  static const Buckets buckets{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                               1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
  return buckets;
}
const Buckets& token_gap_buckets() {
  static const Buckets buckets{.01, .025, .05, .075, .1,  .15, .2, .3, .4, .5,
                               .75, 1,    2.5, 5,    7.5, 10,  20, 40, 80};
  return buckets;
}
const Buckets& request_buckets() {
  static const Buckets buckets{.3, .5, .8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                               30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
  return buckets;
}
const Buckets& token_count_buckets() {
  static const Buckets buckets{1,    2,    5,    10,    20,    50,    100,    200,   500,
                               1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000};
  return buckets;
}
const Buckets& step_token_buckets() {
  static const Buckets buckets{1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};
  return buckets;
}
const Buckets& short_buckets() {
  static const Buckets buckets{.0005, .001, .002, .005, .01, .02, .05, .1,  .2,
                               .5,    1,    2,    5,    10,  30,  60,  120, 600};
  return buckets;
}

class Registry {
 public:
  Family<Counter>& counter(const std::string& name, const std::string& help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
  }
  Family<Gauge>& gauge(const std::string& name, const std::string& help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
  }
  Family<Histogram>& histogram(const std::string& name, const std::string& help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
  }
  std::vector<prometheus::MetricFamily> collect() const { return registry_.Collect(); }
  prometheus::Registry& all() { return registry_; }

 private:
  prometheus::Registry registry_;
};

// A counter for each of a fixed list of label values; whatever else comes counts as the last of
// them.
template <size_t N>
class CounterPerValue {
 public:
  CounterPerValue(Family<Counter>& family, Labels labels, const std::string& key,
                  std::array<std::string_view, N> values)
      : values_(values) {
    for (size_t i = 0; i < N; ++i) {
      labels[key] = values[i];
      counters_[i] = &family.Add(labels);
    }
  }
  void increment(std::string_view value) {
    auto at = std::find(values_.begin(), values_.end() - 1, value) - values_.begin();
    counters_[static_cast<size_t>(at)]->Increment();
  }

 private:
  std::array<std::string_view, N> values_;
  std::array<Counter*, N> counters_;
};

constexpr std::array<std::string_view, 4> kFinishReasons{"stop", "length", "abort", "error"};
constexpr std::array<std::string_view, 6> kRefusals{"rate_limited", "never_fits", "overloaded",
                                                    "unavailable",  "cancelled",  "other"};

class ModelSeries final : public ModelMetrics {
 public:
  ModelSeries(Registry& in, const Labels& labels)
      : waiting_(in.gauge("weir_requests_waiting", "Requests in the queue.").Add(labels)),
        running_(in.gauge("weir_requests_running", "Sequences being computed.").Add(labels)),
        kv_usage_(
            in.gauge("weir_kv_cache_usage", "Share of cache pages in use, 0 to 1.").Add(labels)),
        step_tokens_(in.histogram("weir_step_tokens", "Tokens of a step.")
                         .Add(labels, step_token_buckets())),
        step_seconds_(
            in.histogram("weir_step_seconds", "Duration of a step.").Add(labels, short_buckets())),
        preemptions_(in.counter("weir_preemptions_total",
                                "Sequences set back for want of pages, or for a client with fewer.")
                         .Add(labels)),
        drafted_(in.counter("weir_draft_tokens_total", "Tokens guessed ahead and computed.")
                     .Add(labels)),
        accepted_(in.counter("weir_draft_tokens_accepted_total", "Guessed tokens that came true.")
                      .Add(labels)),
        prefix_queried_(in.counter("weir_prefix_cache_queried_tokens_total",
                                   "Prompt tokens looked up in the prefix cache.")
                            .Add(labels)),
        prefix_hit_(in.counter("weir_prefix_cache_hit_tokens_total",
                               "Prompt tokens found in the prefix cache.")
                        .Add(labels)),
        first_token_(in.histogram("weir_time_to_first_token_seconds",
                                  "From the request's arrival to its first token.")
                         .Add(labels, first_token_buckets())),
        inter_token_(in.histogram("weir_inter_token_seconds", "Between two tokens of a sequence.")
                         .Add(labels, token_gap_buckets())),
        finished_(in.counter("weir_requests_total", "Requests finished."), labels, "finish_reason",
                  kFinishReasons),
        refused_(in.counter("weir_refused_total", "Requests refused."), labels, "reason",
                 kRefusals),
        prompt_total_(in.counter("weir_prompt_tokens_total", "Prompt tokens of finished requests.")
                          .Add(labels)),
        cached_total_(in.counter("weir_cached_tokens_total",
                                 "Prompt tokens of finished requests that the prefix cache held.")
                          .Add(labels)),
        generated_total_(
            in.counter("weir_generated_tokens_total", "Tokens generated by finished requests.")
                .Add(labels)),
        prompt_(in.histogram("weir_request_prompt_tokens", "Prompt tokens of a request.")
                    .Add(labels, token_count_buckets())),
        generated_(in.histogram("weir_request_generated_tokens", "Tokens generated by a request.")
                       .Add(labels, token_count_buckets())),
        max_tokens_(in.histogram("weir_request_max_tokens", "Token limit of a request.")
                        .Add(labels, token_count_buckets())),
        e2e_(in.histogram("weir_request_seconds", "From a request's arrival to its end.")
                 .Add(labels, request_buckets())),
        queue_(in.histogram("weir_request_queue_seconds", "Time of a request in the queue.")
                   .Add(labels, request_buckets())),
        inference_(
            in.histogram("weir_request_inference_seconds", "Prefill and decode of a request.")
                .Add(labels, request_buckets())),
        prefill_(in.histogram("weir_request_prefill_seconds", "Prefill of a request.")
                     .Add(labels, request_buckets())),
        decode_(in.histogram("weir_request_decode_seconds", "Decode of a request.")
                    .Add(labels, request_buckets())),
        per_token_(in.histogram("weir_request_seconds_per_token",
                                "Mean time between the tokens of a request.")
                       .Add(labels, token_gap_buckets())) {}

  void set_load(uint32_t waiting, uint32_t running, double kv_usage) override {
    waiting_.Set(waiting);
    running_.Set(running);
    kv_usage_.Set(kv_usage);
  }
  void step(uint32_t tokens, double seconds) override {
    step_tokens_.Observe(tokens);
    step_seconds_.Observe(seconds);
  }
  void preempted(uint32_t count) override { preemptions_.Increment(count); }
  void drafted(uint32_t tokens, uint32_t accepted) override {
    drafted_.Increment(tokens);
    accepted_.Increment(accepted);
  }
  void prefix_cache(uint64_t queried, uint64_t hit) override {
    prefix_queried_.Increment(static_cast<double>(queried));
    prefix_hit_.Increment(static_cast<double>(hit));
  }
  void first_token(double seconds) override { first_token_.Observe(seconds); }
  void inter_token(double seconds) override { inter_token_.Observe(seconds); }
  void refused(std::string_view reason) override { refused_.increment(reason); }

  void finished(const RequestSample& sample) override {
    finished_.increment(sample.finish_reason);
    prompt_total_.Increment(sample.prompt_tokens);
    cached_total_.Increment(sample.cached_tokens);
    generated_total_.Increment(sample.generated_tokens);
    prompt_.Observe(sample.prompt_tokens);
    generated_.Observe(sample.generated_tokens);
    if (sample.max_tokens > 0) max_tokens_.Observe(sample.max_tokens);
    e2e_.Observe(sample.e2e_s);
    queue_.Observe(sample.queue_s);
    inference_.Observe(sample.prefill_s + sample.decode_s);
    prefill_.Observe(sample.prefill_s);
    decode_.Observe(sample.decode_s);
    if (sample.generated_tokens > 1) {
      per_token_.Observe(sample.decode_s / (sample.generated_tokens - 1));
    }
  }

 private:
  Gauge &waiting_, &running_, &kv_usage_;
  Histogram &step_tokens_, &step_seconds_;
  Counter &preemptions_, &drafted_, &accepted_, &prefix_queried_, &prefix_hit_;
  Histogram &first_token_, &inter_token_;
  CounterPerValue<kFinishReasons.size()> finished_;
  CounterPerValue<kRefusals.size()> refused_;
  Counter &prompt_total_, &cached_total_, &generated_total_;
  Histogram &prompt_, &generated_, &max_tokens_;
  Histogram &e2e_, &queue_, &inference_, &prefill_, &decode_, &per_token_;
};

class PrometheusMetrics final : public Metrics {
 public:
  PrometheusMetrics()
      : requests_(registry_.counter("weir_http_requests_total", "HTTP requests answered.")),
        request_seconds_(
            registry_.histogram("weir_http_request_seconds", "HTTP requests, header to end.")),
        connections_(registry_.gauge("weir_http_connections", "Open connections.").Add({})),
        ignored_fields_(registry_
                            .counter("weir_http_ignored_fields_total",
                                     "Fields of requests that are not known and were ignored.")
                            .Add({})),
        page_size_(registry_.gauge("weir_kv_cache_page_tokens", "Tokens in a cache page.")),
        pages_(registry_.gauge("weir_kv_cache_pages", "Cache pages.")),
        cache_config_(
            registry_.gauge("vllm:cache_config_info", "Constants of the cache, as labels.")) {}

  ModelMetrics& model(const std::string& name) override {
    std::lock_guard lock(mutex_);
    auto& series = models_[name];
    if (!series) series = std::make_unique<ModelSeries>(registry_, Labels{{"model", name}});
    return *series;
  }

  void http_request(std::string_view route, int status, double seconds) override {
    std::lock_guard lock(mutex_);
    // Routes and statuses come from fixed lists; should one ever come from a client, series stay
    // bounded.
    std::string name(routes_.size() < kMaxRoutes || routes_.count(std::string(route)) ? route
                                                                                      : "other");
    Route& series = routes_[name];
    if (!series.seconds) series.seconds = &request_seconds_.Add({{"route", name}}, short_buckets());
    Counter*& counter = series.by_status[status];
    if (!counter) counter = &requests_.Add({{"route", name}, {"status", std::to_string(status)}});
    counter->Increment();
    series.seconds->Observe(seconds);
  }

  void set_connections(uint32_t open) override { connections_.Set(open); }
  void ignored_fields(size_t count) override {
    ignored_fields_.Increment(static_cast<double>(count));
  }

  void set_cache_config(const std::string& model, uint32_t page_size, uint32_t pages) override {
    std::lock_guard lock(mutex_);
    page_size_.Add({{"model", model}}).Set(page_size);
    pages_.Add({{"model", model}}).Set(pages);
    Gauge*& info = cache_info_[model];
    if (info) cache_config_.Remove(info);
    info = &cache_config_.Add({{"model_name", model},
                               {"engine", "0"},
                               {"block_size", std::to_string(page_size)},
                               {"num_gpu_blocks", std::to_string(pages)}});
    info->Set(1);
  }

  void set_model_state(const std::string& model, std::string_view state,
                       const std::string& reason) override {
    states_.set(model, state, reason);
  }
  void set_capacity(const std::string& model, const std::optional<CapacitySample>& now) override {
    capacity_.set(model, now);
  }
  void set_brownout(const std::string& model, const std::string& rule, bool holds) override {
    overload_.set_brownout(model, rule, holds);
  }
  void browned_out(const std::string& model, const std::string& rule) override {
    overload_.browned_out(model, rule);
  }
  void response_cache(const std::string& model, std::string_view outcome) override {
    overload_.response_cache(model, outcome);
  }
  void set_response_cache(size_t bytes, size_t answers) override {
    overload_.set_response_cache(bytes, answers);
  }
  void set_intake(const IntakeSample& now) override { overload_.set_intake(now); }
  void intake_refused() override { overload_.intake_refused(); }

  std::string text() const override {
    auto families = registry_.collect();
    add_aliases(families);
    add_process(families);
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return out.str();
  }

 private:
  static constexpr size_t kMaxRoutes = 64;
  struct Route {
    Histogram* seconds = nullptr;
    std::map<int, Counter*> by_status;
  };

  Registry registry_;
  Family<Counter>& requests_;
  Family<Histogram>& request_seconds_;
  Gauge& connections_;
  Counter& ignored_fields_;
  Family<Gauge>&page_size_, &pages_, &cache_config_;
  OverloadSeries overload_{registry_.all()};
  CapacitySeries capacity_{registry_.all()};
  ModelStateSeries states_{registry_.all()};
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<ModelSeries>> models_;
  std::map<std::string, Route> routes_;
  std::map<std::string, Gauge*> cache_info_;
};

}  // namespace

std::unique_ptr<Metrics> make_metrics() { return std::make_unique<PrometheusMetrics>(); }

}  // namespace weir
