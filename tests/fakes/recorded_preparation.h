#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "weir/serve/service.h"

namespace weir::fakes {

/// Room as the test says; remembers what it is asked for.
class RecordedPreparation final : public serve::Preparation {
 public:
  size_t most = SIZE_MAX;
  std::optional<Error> no_turn;
  std::vector<size_t> held;
  std::atomic<int> turns = 0, runs = 0;
  TimePoint began{};

  TimePoint arrival() const override { return began; }

  Result<void> hold(size_t bytes) override {
    if (bytes > most) return Error{.code = Code::overloaded, .message = "no room"};
    held.push_back(bytes);
    return {};
  }
  Result<void> enter(const serve::Caller&) override {
    ++turns;
    if (no_turn) return *no_turn;
    return {};
  }
  void run(const std::function<void()>& work) override {
    ++runs;
    work();
  }
  void leave() override {}
};

}  // namespace weir::fakes
