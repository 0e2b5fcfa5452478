#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "weir/base/later.h"

namespace weir::app {

/// Computes the fingerprints of models in a thread of low priority, one model after another: "fp_"
/// and the first 12 hex digits of the SHA-256 of the files of its weights, in the order of their
/// names. Public calls are thread-safe.
class Fingerprints {
 public:
  Fingerprints();
  ~Fingerprints();  // what is not known by then stays so
  Fingerprints(const Fingerprints&) = delete;

  /// Returns at once. If a file cannot be read, the log says so, and the value never becomes known.
  std::shared_ptr<const Later<std::string>> of(std::string model, std::vector<std::string> files);

 private:
  struct Wanted {
    std::string model;
    std::vector<std::string> files;
    std::shared_ptr<Later<std::string>> fingerprint;
  };
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any more_;
  std::deque<Wanted> wanted_;
  std::jthread thread_;  // destroyed first: it uses all of the above
};

}  // namespace weir::app
