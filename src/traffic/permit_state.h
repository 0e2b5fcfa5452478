#pragma once

#include <string>
#include <vector>

#include "traffic/gate_impl.h"

namespace weir::traffic {

/// The state of a Permit.
class Permit::State {
 public:
  /// Takes the buckets of `admitted`.
  State(Gate::Impl& gate, Waiter& admitted)
      : gate_(gate),
        model_(admitted.model),
        cells_(std::move(admitted.cells)),
        seen_(admitted.seen),
        reserved_(admitted.cost),
        began_(gate.now()) {
    used_.requests = reserved_.requests;
  }
  ~State() { settle(used_); }
  State(const State&) = delete;

  void use(int64_t input_tokens, int64_t output_tokens, int64_t cached_tokens);
  void refund_all() { settle(Cost{}); }
  const std::vector<CellState>& seen() const { return seen_; }

 private:
  void settle(const Cost& used);

  Gate::Impl& gate_;
  const std::string model_;
  const Cells cells_;
  std::vector<CellState> seen_;
  Cost reserved_;
  Cost used_;
  const TimePoint began_;
  bool answers_ = false;  // something was used
  bool settled_ = false;
};

}  // namespace weir::traffic
