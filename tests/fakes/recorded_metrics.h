#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "weir/base/metrics.h"

namespace weir::fakes {

/// Remembers what a model's requests told it. Read it when nothing runs.
class RecordedMetrics final : public ModelMetrics {
 public:
  struct Finished {
    std::string reason;
    RequestSample sample;
  };
  std::vector<Finished> finishes;
  std::vector<std::string> refusals;
  std::vector<double> first_tokens, inter_tokens;

  void set_load(uint32_t, uint32_t, double) override {}
  void step(uint32_t, double) override {}
  void preempted(uint32_t) override {}
  void drafted(uint32_t, uint32_t) override {}
  void prefix_cache(uint64_t, uint64_t) override {}
  void first_token(double seconds) override {
    std::lock_guard lock(mutex_);
    first_tokens.push_back(seconds);
  }
  void inter_token(double seconds) override {
    std::lock_guard lock(mutex_);
    inter_tokens.push_back(seconds);
  }
  void finished(const RequestSample& sample) override {
    std::lock_guard lock(mutex_);
    finishes.push_back({std::string(sample.finish_reason), sample});
  }
  void refused(std::string_view reason) override {
    std::lock_guard lock(mutex_);
    refusals.emplace_back(reason);
  }

 private:
  std::mutex mutex_;
};

}  // namespace weir::fakes
