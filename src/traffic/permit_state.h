#pragma once

#include <vector>

#include "traffic/gate_impl.h"

namespace weir::traffic {

/// What a Permit holds.
class Permit::State {
 public:
  State(Gate::Impl& gate, Cells cells, std::vector<CellState> seen, const Cost& reserved)
      : gate_(gate), cells_(std::move(cells)), seen_(std::move(seen)), reserved_(reserved) {
    used_.requests = reserved.requests;
  }
  ~State() { settle(used_); }
  State(const State&) = delete;

  void use(int64_t input_tokens, int64_t output_tokens, int64_t cached_tokens);
  void refund_all() { settle(Cost{}); }
  const std::vector<CellState>& seen() const { return seen_; }

 private:
  void settle(const Cost& used);

  Gate::Impl& gate_;
  const Cells cells_;
  std::vector<CellState> seen_;
  Cost reserved_;
  Cost used_;
  bool settled_ = false;
};

}  // namespace weir::traffic
