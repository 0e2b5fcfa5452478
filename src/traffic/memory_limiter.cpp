#include <algorithm>
#include <mutex>
#include <string>
#include <unordered_map>

#include "weir/traffic/limiter.h"

namespace weir::traffic {
namespace {

using Wide = __int128;

/// GCRA as a leaking bucket, exact in integers. `level` is the units in use times the window in
/// microseconds. So a unit adds `window`, and a microsecond takes `cap` away. TAT - now of the
/// textbook is level / cap. Quotas and counts do not leak; their unit adds 1.
struct Bucket {
  Wide level = 0;
  TimePoint seen{};
  TimePoint ends = TimePoint::max();
};

// A request that settles after a quota's period still finds the quota's bucket.
constexpr std::chrono::hours kKeepEnded{24};

Wide window_of(const Limit& limit) { return std::max<Wide>(1, limit.window.count()); }

Wide floor_div(Wide a, Wide b) { return a / b - (a % b < 0 ? 1 : 0); }
Wide ceil_div(Wide a, Wide b) { return -floor_div(-a, b); }

std::chrono::microseconds micros(Wide count) {
  constexpr Wide kMost = std::chrono::microseconds::max().count();
  return std::chrono::microseconds(static_cast<int64_t>(std::clamp<Wide>(count, 0, kMost)));
}

void leak(Bucket& bucket, const Limit& limit, TimePoint now) {
  // Threads read the clock before they take the lock, so `now` may be older than the last one. Then
  // nothing leaks.
  if (limit.window.count() == 0 || now <= bucket.seen) return;
  Wide passed = std::chrono::duration_cast<std::chrono::microseconds>(now - bucket.seen).count();
  bucket.level = std::max<Wide>(0, bucket.level - passed * limit.cap);
  // Adds whole microseconds only, so that the rest is not lost.
  bucket.seen += std::chrono::microseconds(static_cast<int64_t>(passed));
}

std::chrono::microseconds until(TimePoint end, TimePoint now) {
  auto left = std::chrono::ceil<std::chrono::microseconds>(end - now);
  return std::max(left, std::chrono::microseconds(0));
}

CellState state_of(const Bucket& bucket, const Cell& cell, TimePoint now) {
  const Limit& limit = cell.limit;
  Wide free = Wide{limit.cap} * window_of(limit) - bucket.level;
  CellState state{.limit = limit,
                  .remaining = static_cast<int64_t>(floor_div(free, window_of(limit)))};
  if (limit.window.count() > 0) state.full_in = micros(ceil_div(bucket.level, limit.cap));
  if (limit.calendar != Calendar::none && bucket.level > 0) state.full_in = until(cell.ends, now);
  return state;
}

/// The time until a bucket can pay that is `over` by so much.
std::chrono::microseconds retry_of(const Cell& cell, Wide over, TimePoint now) {
  if (cell.limit.unit == Unit::concurrent) return kUnforeseen;
  if (cell.limit.calendar != Calendar::none) {
    return std::max(until(cell.ends, now), std::chrono::microseconds(1));
  }
  return micros(ceil_div(over, cell.limit.cap));
}

class MemoryLimiter final : public Limiter {
 public:
  Decision take(std::span<const Cell> cells, const Cost& cost, TimePoint now) override {
    std::lock_guard lock(mutex_);
    Decision decision;
    for (size_t i = 0; i < cells.size(); ++i)
      judge(decision, static_cast<int>(i), cells[i], cost, now);
    if (decision.kind == Decision::Kind::taken) {
      for (const Cell& cell : cells) move(cell, cost);
    }
    decision.cells = states(cells, now);
    return decision;
  }

  std::vector<CellState> adjust(std::span<const Cell> cells, const Cost& change,
                                TimePoint now) override {
    std::lock_guard lock(mutex_);
    for (const Cell& cell : cells) {
      bucket(cell, now);
      move(cell, change);
    }
    return states(cells, now);
  }

 private:
  Bucket& bucket(const Cell& cell, TimePoint now) {
    auto found = buckets_.find(cell.id);
    if (found != buckets_.end()) {
      leak(found->second, cell.limit, now);
      return found->second;
    }
    if (cell.limit.calendar != Calendar::none) {
      std::erase_if(buckets_, [&](const auto& each) {
        return each.second.ends < now - std::min<Duration>(kKeepEnded, now.time_since_epoch());
      });
    }
    return buckets_.try_emplace(cell.id, Bucket{0, now, cell.ends}).first->second;
  }

  void move(const Cell& cell, const Cost& change) {
    Bucket& bucket = buckets_.at(cell.id);
    Wide by = Wide{change.of(cell.limit.unit)} * window_of(cell.limit);
    bucket.level = std::max<Wide>(0, bucket.level + by);
  }

  /// Adds a cell's verdict to a decision: `never` outranks `later`, and of two `later` the longer
  /// wait counts.
  void judge(Decision& decision, int index, const Cell& cell, const Cost& cost, TimePoint now) {
    const Bucket& at = bucket(cell, now);
    int64_t wanted = cost.of(cell.limit.unit);
    if (wanted <= 0 || decision.kind == Decision::Kind::never) return;
    if (wanted > cell.limit.cap) {
      decision.kind = Decision::Kind::never;
      decision.worst = index;
      decision.retry_in = {};
      return;
    }
    Wide over = at.level + (Wide{wanted} - cell.limit.cap) * window_of(cell.limit);
    if (over <= 0) return;
    auto retry = retry_of(cell, over, now);
    if (retry <= decision.retry_in) return;
    decision.kind = Decision::Kind::later;
    decision.worst = index;
    decision.retry_in = retry;
  }

  std::vector<CellState> states(std::span<const Cell> cells, TimePoint now) const {
    std::vector<CellState> all;
    all.reserve(cells.size());
    for (const Cell& cell : cells) all.push_back(state_of(buckets_.at(cell.id), cell, now));
    return all;
  }

  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // one for each limit in use
};

}  // namespace

int64_t Cost::of(Unit unit) const {
  switch (unit) {
    case Unit::requests:
      return requests;
    case Unit::tokens:
      return input_tokens + output_tokens;
    case Unit::input_tokens:
      return input_tokens;
    case Unit::output_tokens:
      return output_tokens;
    case Unit::concurrent:
      return concurrent;
    case Unit::capacity:
      return capacity;
  }
  return 0;
}

std::unique_ptr<Limiter> make_memory_limiter() { return std::make_unique<MemoryLimiter>(); }

}  // namespace weir::traffic
