#include "base/metrics_aliases.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {
namespace {

struct Alias {
  std::string_view native, vllm;
};

constexpr std::array kAliases{
    Alias{"weir_requests_waiting", "vllm:num_requests_waiting"},
    Alias{"weir_requests_running", "vllm:num_requests_running"},
    Alias{"weir_kv_cache_usage", "vllm:kv_cache_usage_perc"},
    Alias{"weir_preemptions_total", "vllm:num_preemptions_total"},
    Alias{"weir_draft_tokens_total", "vllm:spec_decode_num_draft_tokens_total"},
    Alias{"weir_draft_tokens_accepted_total", "vllm:spec_decode_num_accepted_tokens_total"},
    Alias{"weir_prefix_cache_queried_tokens_total", "vllm:prefix_cache_queries_total"},
    Alias{"weir_prefix_cache_hit_tokens_total", "vllm:prefix_cache_hits_total"},
    Alias{"weir_prompt_tokens_total", "vllm:prompt_tokens_total"},
    Alias{"weir_generated_tokens_total", "vllm:generation_tokens_total"},
    Alias{"weir_requests_total", "vllm:request_success_total"},
    Alias{"weir_time_to_first_token_seconds", "vllm:time_to_first_token_seconds"},
    Alias{"weir_inter_token_seconds", "vllm:inter_token_latency_seconds"},
    Alias{"weir_request_seconds_per_token", "vllm:request_time_per_output_token_seconds"},
    Alias{"weir_request_seconds", "vllm:e2e_request_latency_seconds"},
    Alias{"weir_request_queue_seconds", "vllm:request_queue_time_seconds"},
    Alias{"weir_request_inference_seconds", "vllm:request_inference_time_seconds"},
    Alias{"weir_request_prefill_seconds", "vllm:request_prefill_time_seconds"},
    Alias{"weir_request_decode_seconds", "vllm:request_decode_time_seconds"},
    Alias{"weir_request_prompt_tokens", "vllm:request_prompt_tokens"},
    Alias{"weir_request_generated_tokens", "vllm:request_generation_tokens"},
    Alias{"weir_request_max_tokens", "vllm:request_params_max_tokens"},
    Alias{"weir_step_tokens", "vllm:iteration_tokens_total"},
};

using prometheus::ClientMetric;
using prometheus::MetricFamily;

void rename_labels(ClientMetric& metric) {
  for (auto& label : metric.label) {
    if (label.name == "model") label.name = "model_name";
    if (label.name == "finish_reason") label.name = "finished_reason";
  }
  metric.label.push_back({"engine", "0"});
}

std::string whole(double value) { return std::to_string(static_cast<uint64_t>(value)); }

/// vLLM tells the constants of a model's cache as labels.
MetricFamily cache_config(const MetricFamily& pages, const MetricFamily& page_tokens) {
  MetricFamily info{"vllm:cache_config_info",
                    "Constants of the cache, as labels.",
                    prometheus::MetricType::Gauge,
                    {}};
  for (const ClientMetric& of : pages.metric) {
    const auto size =
        std::find_if(page_tokens.metric.begin(), page_tokens.metric.end(),
                     [&](const ClientMetric& each) { return each.label == of.label; });
    if (size == page_tokens.metric.end()) continue;
    ClientMetric& series = info.metric.emplace_back();
    series.label = {{"block_size", whole(size->gauge.value)},
                    {"engine", "0"},
                    {"model_name", of.label.front().value},
                    {"num_gpu_blocks", whole(of.gauge.value)}};
    series.gauge.value = 1;
  }
  return info;
}

}  // namespace

void add_aliases(std::vector<MetricFamily>& families) {
  std::vector<MetricFamily> added;
  const auto called = [&](std::string_view name) {
    return std::find_if(families.begin(), families.end(),
                        [&](const MetricFamily& family) { return family.name == name; });
  };
  const auto pages = called("weir_kv_cache_pages"), sizes = called("weir_kv_cache_page_tokens");
  if (pages != families.end() && sizes != families.end())
    added.push_back(cache_config(*pages, *sizes));
  for (const auto& family : families) {
    for (const Alias& alias : kAliases) {
      if (family.name != alias.native) continue;
      added.push_back(family);
      added.back().name = alias.vllm;
      for (auto& metric : added.back().metric) rename_labels(metric);
    }
  }
  families.insert(families.end(), added.begin(), added.end());
}

}  // namespace weir
