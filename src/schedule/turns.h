#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace weir::schedule {

/// Shares one device's time between models: each turn goes to the one that has had the least time
/// for its weight, and the weight grows with the logarithm of the work that waits, so that a crowd
/// at one model gets more and never all of it.
class Turns {
 public:
  static constexpr size_t kNobody = std::numeric_limits<size_t>::max();

  /// `work[i]`: how many sequences of model i wait or run. kNobody if none does.
  size_t next(const std::vector<size_t>& work);
  /// The turn of `model`, with so much work, took `seconds`.
  void took(size_t model, size_t work, double seconds);

 private:
  std::vector<double> spent_;  // weighted seconds, by model
  double now_ =
      0;  // of whose turn it was last: who was idle joins here, without a claim to the past
};

}  // namespace weir::schedule
