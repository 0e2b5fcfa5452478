#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weir/base/progress.h"

namespace weir::app {

/// "model smollm2: reading weights, 45%, 3 s left"
std::string progress_line(const std::string& model, const Progress::State& state);

/// "[#########...........] 45% smollm2 reading weights, 3 s left"
std::string progress_bar(const std::string& model, const Progress::State& state);

/// Shows the progress of loading: a line of the log each second, or a bar on a terminal. Used by
/// one thread.
class LoadingReport {
 public:
  explicit LoadingReport(bool terminal) : terminal_(terminal) {}
  ~LoadingReport();

  void show(const std::string& model, const Progress::State& state);
  /// Ends the bar's line, so that the log continues below it.
  void end_line();

 private:
  const bool terminal_;
  bool open_ = false;
  std::string last_;
};

}  // namespace weir::app
