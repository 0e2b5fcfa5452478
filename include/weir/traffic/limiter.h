#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weir/base/clock.h"
#include "weir/traffic/key.h"

namespace weir::traffic {

/// What a request takes from its buckets. Negative numbers give back, at settlement.
struct Cost {
  int64_t requests = 0, input_tokens = 0, output_tokens = 0, concurrent = 0;
  int64_t capacity = 0;         // only the gate uses it
  int64_t of(Unit unit) const;  // tokens = input + output
};

/// Input tokens as buckets count them: a token that the prefix cache held counts `cached_weight` (0
/// to 1).
int64_t weighted_input(int64_t input_tokens, int64_t cached_tokens, double cached_weight);

/// One bucket: its owner and its limit. `id` is the same for all requests that share the bucket.
struct Cell {
  std::string id;  // "key:web/tokens/60s", "tenant:shop/tokens/day/2026-11-24"
  Limit limit;
  TimePoint ends = TimePoint::max();  // of a quota: the end of its period
  std::string owner = {};             // "key web", "key web at model m", for messages
};

/// A wait without a prediction: it is not known when a request that holds a `concurrent` bucket
/// ends.
constexpr std::chrono::microseconds kUnforeseen = std::chrono::microseconds::max();

/// A bucket as the client may see it.
struct CellState {
  Limit limit;
  int64_t remaining = 0;                 // below 0: in debt
  std::chrono::microseconds full_in{0};  // 0 for `concurrent`
};

struct Decision {
  enum class Kind : uint8_t { taken, later, never } kind = Kind::taken;
  int worst = -1;  // index of the cell with the longest refusal; with later and never
  std::chrono::microseconds retry_in{0};  // with later; may be kUnforeseen
  std::vector<CellState> cells;           // their states after the call, in order
};

/// The store of all buckets: GCRA cells, quotas that are full again when their period ends, and
/// counts of running requests. One conformance suite tests every implementation. Thread-safe.
class Limiter {
 public:
  virtual ~Limiter() = default;
  /// Takes `cost` from all cells or from none.
  virtual Decision take(std::span<const Cell> cells, const Cost& cost, TimePoint now) = 0;
  /// Takes `change` (negative: gives back) from all cells. Never refuses, so a cell may get into
  /// debt.
  virtual std::vector<CellState> adjust(std::span<const Cell> cells, const Cost& change,
                                        TimePoint now) = 0;
};

std::unique_ptr<Limiter> make_memory_limiter();

}  // namespace weir::traffic
