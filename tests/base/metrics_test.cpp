#include "weir/base/metrics.h"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "fakes/scraped.h"
#include "weir/base/log.h"

namespace weir {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, EachInstrumentIsShownWithItsHelp) {
  Registry metrics;
  metrics.counter("c_total", "What is counted.", {{"a", "1"}, {"b", "x \"y\""}}).add();
  metrics.gauge("g", "What is measured.").set(0.25);
  constexpr double kBounds[] = {1, 2.5};
  Histogram histogram = metrics.histogram("h", "How long.", {{"a", "1"}}, kBounds);
  histogram.observe(0.5);
  histogram.observe(2);
  histogram.observe(7);
  const std::string text = metrics.text();
  for (const char* line :
       {"# HELP c_total What is counted.\n# TYPE c_total counter\nc_total{a=\"1\",b=\"x "
        "\\\"y\\\"\"} 1\n",
        "# HELP g What is measured.\n# TYPE g gauge\ng 0.25\n",
        "# HELP h How long.\n# TYPE h histogram\nh_count{a=\"1\"} 3\nh_sum{a=\"1\"} 9.5\n"
        "h_bucket{a=\"1\",le=\"1\"} 1\nh_bucket{a=\"1\",le=\"2.5\"} 2\n"
        "h_bucket{a=\"1\",le=\"+Inf\"} 3\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameSeries) {
  Registry metrics;
  const Counter one = metrics.counter("c_total", "", {{"a", "1"}});
  const Counter copy = one, again = metrics.counter("c_total", "", {{"a", "1"}});
  metrics.counter("c_total", "", {{"a", "2"}});
  one.add(2);
  copy.add();
  again.add(0.5);
  EXPECT_EQ(fakes::scraped(metrics, "c_total{a=\"1\"}"), 3.5);
  EXPECT_EQ(fakes::scraped(metrics, "c_total{a=\"2\"}"), 0);
}

TEST(Metrics, AFamilyStaysBounded) {
  Registry metrics;
  for (size_t i = 0; i < Registry::kMostSeries + 50; ++i)
    metrics.counter("c_total", "", {{"route", std::to_string(i)}, {"status", "404"}}).add();
  metrics.counter("c_total", "", {{"route", "0"}, {"status", "404"}}).add();  // known before
  EXPECT_EQ(fakes::scraped(metrics, "c_total{route=\"other\",status=\"other\"}"), 50);
  EXPECT_EQ(fakes::scraped(metrics, "c_total{route=\"0\",status=\"404\"}"), 2);
  EXPECT_EQ(fakes::scraped_by(metrics, "c_total", "", "route").size(), Registry::kMostSeries + 1);
}

TEST(Metrics, WhatIsToldAtAScrapeIsShownAsLongAsItIsTold) {
  Registry metrics;
  std::optional<double> now = 3;
  auto hook = std::make_unique<ScrapeHook>(metrics, [&](Scrape& to) {
    if (!now) return;
    to.gauge("g", "What is looked at.", {{"reason", std::to_string(*now)}}, *now);
    to.gauge("g", "What is looked at.", {{"reason", "none"}}, 0);
    to.counter("c_total", "What is counted elsewhere.", {}, 7);
    metrics.counter("own_total", "An instrument of a look.").add();
  });
  EXPECT_THAT(metrics.text(), HasSubstr("# HELP g What is looked at.\n# TYPE g gauge\n"
                                        "g{reason=\"3.000000\"} 3\ng{reason=\"none\"} 0\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("# TYPE c_total counter\nc_total 7\n"));
  EXPECT_EQ(fakes::scraped(metrics, "own_total"), 3);
  now = 4;
  EXPECT_THAT(metrics.text(), Not(HasSubstr("reason=\"3")));
  now.reset();
  EXPECT_THAT(metrics.text(), Not(HasSubstr("g{")));
  now = 5;
  hook.reset();
  EXPECT_THAT(metrics.text(), Not(HasSubstr("g{")));
}

TEST(Metrics, AHookDiesOnlyWhenItIsNotCalled) {
  Registry metrics;
  std::atomic<bool> stop = false, called = false, dead = false;
  std::thread scraper([&] {
    while (!stop) metrics.text();
  });
  for (int i = 0; i < 50; ++i) {
    called = dead = false;
    {
      const ScrapeHook hook(metrics, [&](Scrape&) {
        called = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_FALSE(dead);
      });
      while (!called) std::this_thread::yield();
    }
    dead = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  stop = true;
  scraper.join();
}

TEST(Metrics, VllmsNamesHaveTheSameValues) {
  Registry metrics;
  const Labels of{{"model", "m"}};
  metrics.gauge("weir_requests_waiting", "Requests in the queue.", of).set(3);
  metrics.counter("weir_requests_total", "", {{"model", "m"}, {"finish_reason", "stop"}}).add();
  metrics.histogram("weir_request_seconds", "", of, kShortSeconds).observe(0.1);
  const std::string text = metrics.text();
  for (const char* line :
       {"weir_requests_waiting{model=\"m\"} 3\n",
        "# HELP vllm:num_requests_waiting Requests in the queue.\n",
        "vllm:num_requests_waiting{model_name=\"m\",engine=\"0\"} 3\n",
        "vllm:request_success_total{finished_reason=\"stop\",model_name=\"m\",engine=\"0\"} 1\n",
        "vllm:e2e_request_latency_seconds_bucket{model_name=\"m\",engine=\"0\",le=\"0.05\"} 0\n",
        "vllm:e2e_request_latency_seconds_bucket{model_name=\"m\",engine=\"0\",le=\"0.1\"} 1\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Metrics, VllmsCacheConfigurationIsReplacedNotAdded) {
  Registry metrics;
  const auto set = [&](const std::string& model, double pages) {
    metrics.gauge("weir_kv_cache_page_tokens", "", {{"model", model}}).set(16);
    metrics.gauge("weir_kv_cache_pages", "", {{"model", model}}).set(pages);
  };
  EXPECT_THAT(metrics.text(), Not(HasSubstr("cache_config_info")));
  set("m", 100);
  set("n", 7);
  set("m", 200);
  const std::string text = metrics.text();
  for (const char* labels :
       {"model_name=\"m\",num_gpu_blocks=\"200\"", "model_name=\"n\",num_gpu_blocks=\"7\""})
    EXPECT_THAT(text,
                HasSubstr(std::string("vllm:cache_config_info{block_size=\"16\",engine=\"0\",") +
                          labels + "} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("num_gpu_blocks=\"100\"")));
}

TEST(Metrics, ManyThreadsLoseNothing) {
  Registry metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const Counter kept = metrics.counter("kept_total", "");
      for (int i = 0; i < 500; ++i) {
        kept.add();
        metrics.counter("found_total", "", {{"i", std::to_string(i % 10)}}).add();
        if (i % 100 == 0) metrics.text();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(fakes::scraped(metrics, "kept_total"), 2000);
  EXPECT_EQ(fakes::scraped(metrics, "found_total{i=\"3\"}"), 200);
}

TEST(Metrics, TellsOfTheProcessAsPrometheusClientsDo) {
  const std::string text = Registry().text();
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

TEST(Metrics, CountTheLinesOfALogThatNobodyReads) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::signal(SIGPIPE, SIG_IGN);
  const int own = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  ASSERT_TRUE(start_log(LogFormat::text, "info"));
  for (int i = 0; i < 8; ++i) spdlog::info("{}", std::string(300'000, 'x'));
  const std::string text = Registry().text();
  close(ends[0]);  // drops what waits
  EXPECT_TRUE(drain_log(std::chrono::seconds(30)));
  dup2(own, STDERR_FILENO);
  for (const int file : {ends[1], own}) close(file);
  ASSERT_TRUE(start_log(LogFormat::text, "info"));
  EXPECT_THAT(text, testing::ContainsRegex("weir_log_lines_dropped_total [1-9]"));
}

}  // namespace
}  // namespace weir
