#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>

#include "weir/traffic/limiter.h"

namespace weir::traffic {

/// One bucket kept by the textbook, to hold the limiter against: a theoretical
/// arrival time where there is a window, in microseconds times the cap so that
/// it is whole, else a sum.
class Account {
 public:
  explicit Account(Cell cell) : cell_(std::move(cell)) {}

  const Limit& limit() const { return cell_.limit; }
  bool is_quota() const { return limit().calendar != Calendar::none; }
  bool can_pay(int64_t units, TimePoint now) const {
    return ahead(now) + Wide{units} * price() <= Wide{limit().cap} * price();
  }
  /// Lets a request in: what it takes and what was given back are noted for
  /// taken_lately().
  void take(int64_t units, TimePoint now) { note(units, now), move(units, now); }
  /// A settlement, a top-up or what was used before: may pass the cap, gives
  /// back no more than all.
  void adjust(int64_t units, TimePoint now) {
    if (units < 0) note(units, now);
    move(units, now);
  }
  int64_t remaining(TimePoint now) const {
    Wide free = Wide{limit().cap} * price() - ahead(now);
    return static_cast<int64_t>(free / price() - (free % price() < 0 ? 1 : 0));
  }
  std::chrono::microseconds full_in(TimePoint now) const {
    if (is_quota()) return used_ > 0 ? micros(cell_.ends - now) : std::chrono::microseconds(0);
    if (!leaks()) return std::chrono::microseconds(0);
    return std::chrono::microseconds(
        static_cast<int64_t>((ahead(now) + limit().cap - 1) / limit().cap));
  }
  /// Units that requests were let in with in the last window, less what was
  /// given back in it.
  int64_t taken_lately(TimePoint now) {
    while (!notes_.empty() && notes_.front().at <= now - limit().window) notes_.pop_front();
    int64_t sum = 0;
    for (const Note& each : notes_) sum += each.units;
    return sum;
  }
  bool leaks() const { return limit().window.count() > 0; }

 private:
  using Wide = __int128;
  struct Note {
    TimePoint at;
    int64_t units;
  };

  static std::chrono::microseconds micros(Duration duration) {
    return std::chrono::ceil<std::chrono::microseconds>(std::max(duration, Duration(0)));
  }
  Wide price() const { return leaks() ? Wide{limit().window.count()} : 1; }
  Wide scaled(TimePoint now) const {
    return Wide{std::chrono::floor<std::chrono::microseconds>(now.time_since_epoch()).count()} *
           limit().cap;
  }
  Wide ahead(TimePoint now) const {
    return leaks() ? std::max<Wide>(0, arrival_ - scaled(now)) : Wide{used_};
  }
  void move(int64_t units, TimePoint now) {
    if (leaks()) {
      Wide base = scaled(now);
      arrival_ = std::max(base, std::max(arrival_, base) + Wide{units} * price());
    } else {
      used_ = std::max<int64_t>(0, used_ + units);
    }
  }
  void note(int64_t units, TimePoint now) {
    if (leaks()) notes_.push_back({now, units});
  }

  const Cell cell_;
  Wide arrival_ = 0;
  int64_t used_ = 0;
  std::deque<Note> notes_;
};

}  // namespace weir::traffic
