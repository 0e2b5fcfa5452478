#include "weir/base/metrics.h"

#include <gmock/gmock.h>

#include <ctime>
#include <thread>
#include <vector>

namespace weir {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, ALoadIsShownUnderBothNames) {
  auto metrics = make_metrics();
  metrics->model("m").set_load(3, 2, 0.25);
  std::string text = metrics->text();
  EXPECT_THAT(text, HasSubstr("weir_requests_waiting{model=\"m\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("vllm:num_requests_waiting{model_name=\"m\",engine=\"0\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("vllm:num_requests_running{model_name=\"m\",engine=\"0\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("vllm:kv_cache_usage_perc{model_name=\"m\",engine=\"0\"} 0.25\n"));
}

TEST(Metrics, FinishedRequestsFillCountersAndHistograms) {
  auto metrics = make_metrics();
  ModelMetrics& model = metrics->model("m");
  EXPECT_EQ(&model, &metrics->model("m"));
  model.finished({.finish_reason = "stop",
                  .prompt_tokens = 7,
                  .cached_tokens = 4,
                  .generated_tokens = 3,
                  .max_tokens = 16,
                  .queue_s = 0.4,
                  .prefill_s = 0.25,
                  .decode_s = 0.5,
                  .e2e_s = 1.25});
  model.finished(
      {.finish_reason = "length", .prompt_tokens = 5, .generated_tokens = 1, .e2e_s = 0.1});
  model.first_token(0.03);
  model.inter_token(0.02);
  model.preempted(2);
  model.prefix_cache(12, 4);
  std::string text = metrics->text();
  for (
      const char* line : {
          "vllm:prompt_tokens_total{model_name=\"m\",engine=\"0\"} 12\n",
          "vllm:generation_tokens_total{model_name=\"m\",engine=\"0\"} 4\n",
          "weir_cached_tokens_total{model=\"m\"} 4\n",
          "vllm:request_success_total{finished_reason=\"stop\",model_name=\"m\",engine=\"0\"} 1\n",
          "vllm:request_success_total{finished_reason=\"error\",model_name=\"m\",engine=\"0\"} 0\n",
          "vllm:e2e_request_latency_seconds_sum{model_name=\"m\",engine=\"0\"} 1.35",
          "vllm:e2e_request_latency_seconds_bucket{model_name=\"m\",engine=\"0\",le=\"1\"} 1\n",
          "vllm:e2e_request_latency_seconds_bucket{model_name=\"m\",engine=\"0\",le=\"1.5\"} 2\n",
          "vllm:request_inference_time_seconds_sum{model_name=\"m\",engine=\"0\"} 0.75\n",
          "vllm:request_time_per_output_token_seconds_sum{model_name=\"m\",engine=\"0\"} 0.25\n",
          "vllm:request_params_max_tokens_count{model_name=\"m\",engine=\"0\"} 1\n",
          "vllm:time_to_first_token_seconds_bucket{model_name=\"m\",engine=\"0\",le=\"0.04\"} 1\n",
          "vllm:time_to_first_token_seconds_bucket{model_name=\"m\",engine=\"0\",le=\"0.02\"} 0\n",
          "vllm:inter_token_latency_seconds_bucket{model_name=\"m\",engine=\"0\",le=\"0.025\"} 1\n",
          "vllm:num_preemptions_total{model_name=\"m\",engine=\"0\"} 2\n",
          "vllm:prefix_cache_queries_total{model_name=\"m\",engine=\"0\"} 12\n",
          "vllm:prefix_cache_hits_total{model_name=\"m\",engine=\"0\"} 4\n",
      }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, RefusalsHaveAFixedListOfReasons) {
  auto metrics = make_metrics();
  metrics->model("m").refused("rate_limited");
  metrics->model("m").refused("something new");
  std::string text = metrics->text();
  EXPECT_THAT(text, HasSubstr("weir_refused_total{model=\"m\",reason=\"rate_limited\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_refused_total{model=\"m\",reason=\"other\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("something new")));
}

TEST(Metrics, HttpSeriesStayBounded) {
  auto metrics = make_metrics();
  metrics->http_request("/v1/models", 200, 0.004);
  for (int i = 0; i < 200; ++i) metrics->http_request("/made/up/" + std::to_string(i), 404, 0.001);
  metrics->set_connections(5);
  std::string text = metrics->text();
  EXPECT_THAT(text, HasSubstr("weir_http_requests_total{route=\"/v1/models\",status=\"200\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("weir_http_request_seconds_bucket{route=\"/v1/models\",le=\"0.005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_http_requests_total{route=\"other\",status=\"404\"} 137\n"));
  EXPECT_THAT(text, HasSubstr("weir_http_connections 5\n"));
}

TEST(Metrics, CacheConfigurationIsReplacedNotAdded) {
  auto metrics = make_metrics();
  metrics->set_cache_config("m", 16, 100);
  metrics->set_cache_config("m", 16, 200);
  std::string text = metrics->text();
  EXPECT_THAT(text,
              HasSubstr("vllm:cache_config_info{block_size=\"16\",engine=\"0\",model_name=\"m\","
                        "num_gpu_blocks=\"200\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("num_gpu_blocks=\"100\"")));
  EXPECT_THAT(text, HasSubstr("weir_kv_cache_pages{model=\"m\"} 200\n"));
}

TEST(Metrics, WhatSparesOrShedsWork) {
  auto metrics = make_metrics();
  metrics->set_brownout("m", "queue>=2:max-tokens=4", true);
  metrics->browned_out("m", "queue>=2:max-tokens=4");
  metrics->browned_out("m", "queue>=2:max-tokens=4");
  metrics->response_cache("m", "miss");
  metrics->response_cache("m", "hit");
  metrics->response_cache("m", "hit");
  metrics->set_response_cache(1234, 5);
  const std::string labels = "{model=\"m\",rule=\"queue>=2:max-tokens=4\"}";
  EXPECT_THAT(metrics->text(), HasSubstr("weir_brownout_active" + labels + " 1\n"));
  EXPECT_THAT(metrics->text(), HasSubstr("weir_brownout_requests_total" + labels + " 2\n"));
  EXPECT_THAT(metrics->text(),
              HasSubstr("weir_response_cache_total{model=\"m\",outcome=\"hit\"} 2\n"));
  EXPECT_THAT(metrics->text(),
              HasSubstr("weir_response_cache_total{model=\"m\",outcome=\"miss\"} 1\n"));
  EXPECT_THAT(metrics->text(), HasSubstr("weir_response_cache_bytes 1234\n"));
  EXPECT_THAT(metrics->text(), HasSubstr("weir_response_cache_answers 5\n"));
  metrics->set_brownout("m", "queue>=2:max-tokens=4", false);
  EXPECT_THAT(metrics->text(), HasSubstr("weir_brownout_active" + labels + " 0\n"));
}

TEST(Metrics, TellWhatTheIntakeHolds) {
  auto metrics = make_metrics();
  EXPECT_THAT(metrics->text(), HasSubstr("weir_intake_refused_total 0\n"));
  metrics->set_intake({.waiting = 3, .running = 2, .bytes = 4096});
  metrics->intake_refused();
  EXPECT_THAT(metrics->text(), HasSubstr("weir_intake_waiting 3\n"));
  EXPECT_THAT(metrics->text(), HasSubstr("weir_intake_running 2\n"));
  EXPECT_THAT(metrics->text(), HasSubstr("weir_intake_bytes 4096\n"));
  EXPECT_THAT(metrics->text(), HasSubstr("weir_intake_refused_total 1\n"));
}

TEST(Metrics, ManyThreadsLoseNothing) {
  auto metrics = make_metrics();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        metrics->model(i % 2 ? "odd" : "even").preempted(1);
        metrics->http_request("/health", 200, 0);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(metrics->text(),
              HasSubstr("weir_http_requests_total{route=\"/health\",status=\"200\"} 2000\n"));
}

TEST(Metrics, ACapacityIsShownWhileThereIsOne) {
  auto metrics = make_metrics();
  metrics->set_capacity("m", CapacitySample{.prefill_speed = 900,
                                            .decode_speed = 300,
                                            .first_token_p99_s = 0.5,
                                            .first_token_target_s = 1,
                                            .backlog_s = 0.25,
                                            .caution = 1.5});
  std::string text = metrics->text();
  for (const char* line : {"weir_capacity_tokens_per_second{model=\"m\",phase=\"prefill\"} 900\n",
                           "weir_capacity_tokens_per_second{model=\"m\",phase=\"decode\"} 300\n",
                           "weir_capacity_first_token_p99_seconds{model=\"m\"} 0.5\n",
                           "weir_capacity_first_token_target_seconds{model=\"m\"} 1\n",
                           "weir_capacity_backlog_seconds{model=\"m\"} 0.25\n",
                           "weir_capacity_caution{model=\"m\"} 1.5\n"})
    EXPECT_THAT(text, HasSubstr(line));
  metrics->set_capacity("m", std::nullopt);
  EXPECT_THAT(metrics->text(), Not(HasSubstr("weir_capacity_caution{")));
}

TEST(Metrics, TellsOfTheProcessAsPrometheusClientsDo) {
  const std::string text = make_metrics()->text();
  const auto value = [&](const std::string& name) {
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  };
  EXPECT_GT(value("process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GE(value("process_threads"), 1);
  EXPECT_GE(value("process_open_fds"), 1);
  EXPECT_GT(value("process_max_fds"), value("process_open_fds"));
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_NEAR(value("process_start_time_seconds"), now, 3600);
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE process_start_time_seconds gauge\n"));
  EXPECT_EQ(value("weir_log_lines_dropped_total"), 0);
}

}  // namespace
}  // namespace weir
