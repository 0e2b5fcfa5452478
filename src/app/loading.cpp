#include "app/loading.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "weir/base/log.h"

namespace weir::app {
namespace {

int percent(const Progress::State& state) {
  return static_cast<int>(std::clamp(state.percent, 0.0, 100.0));
}

std::string left(const Progress::State& state) {
  return state.left ? fmt::format(", {} s left", state.left->count()) : std::string();
}

}  // namespace

std::string progress_line(const std::string& model, const Progress::State& state) {
  return fmt::format("model {}: {}, {}%{}", model, state.phase, percent(state), left(state));
}

std::string progress_bar(const std::string& model, const Progress::State& state) {
  constexpr size_t kWidth = 24;
  size_t filled = static_cast<size_t>(percent(state)) * kWidth / 100;
  return fmt::format("[{}{}] {}% {} {}{}", std::string(filled, '#'),
                     std::string(kWidth - filled, '.'), percent(state), model, state.phase,
                     left(state));
}

LoadingReport::~LoadingReport() { end_line(); }

void LoadingReport::show(const std::string& model, const Progress::State& state) {
  if (!terminal_) {
    // Writes no line that is equal to the last one.
    std::string line = progress_line(model, state);
    if (line != last_) spdlog::info("{}", line);
    last_ = line;
    return;
  }
  // Clears the rest of the line, and leaves the cursor at its beginning, so that a line of the log
  // overwrites the bar.
  show_beside_log(progress_bar(model, state) + "\x1b[K\r");
  open_ = true;
}

void LoadingReport::end_line() {
  if (open_) show_beside_log("\r\x1b[K");
  open_ = false;
}

}  // namespace weir::app
