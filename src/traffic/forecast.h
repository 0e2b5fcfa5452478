#pragma once

#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "traffic/line.h"

namespace weir::traffic {

/// Plays the lines forward from `now` without taking anything: when will each waiter be let in if
/// nobody else comes and nothing is given back? The rules are those of Line::settle.
class Forecast {
 public:
  Forecast(Limiter& limiter, TimePoint now) : limiter_(limiter), now_(now), time_(now) {}

  /// Sets `due`, `place` and `blocker` of everybody in `lines` (oldest first), and returns those
  /// whose `due` came nearer. Adds to `late` whose `due` is past its deadline: they count as gone
  /// for those behind them.
  std::vector<Waiter*> run(const std::vector<ModelLine*>& lines, std::vector<Waiter*>& late);

 private:
  using Wide = __int128;
  /// A bucket as played so far; `level` is in units times microseconds of its window.
  struct Load {
    TimePoint at;
    Wide level = 0;
    int64_t remaining = 0;  // of a bucket without window
  };
  struct Player {
    const ClientLine* line;
    size_t next = 0;
    double served = 0;
    std::vector<Load*> loads;  // of its head; empty: not looked up yet
    bool behind = false;       // cannot go in this pass
  };
  struct Lane {
    std::list<Player> players;
    size_t places = 0;  // given so far
  };

  void pass(Lane& lane, std::vector<Waiter*>& late);
  std::list<Player>::iterator next_turn(Lane& lane);
  /// When the head can be paid; sets its blocker. With `close`, closes the buckets that cannot pay
  /// by time_.
  TimePoint due(Player& player, bool close);
  TimePoint payable(const Cell& cell, const Load& load, int64_t wanted) const;
  void take(const Cell& cell, Load& load, int64_t wanted) const;
  void go(Lane& lane, std::list<Player>::iterator player, bool pays);
  void look_up(Player& player);
  void rest(Lane& lane);
  const Cell* held_up_by(const Waiter& waiter) const;
  static Waiter& head(const Player& player) { return *player.line->waiters[player.next]; }

  Limiter& limiter_;
  const TimePoint now_;
  TimePoint time_;                     // played so far
  TimePoint next_ = TimePoint::max();  // the next time at which somebody may go
  ClosedCells closed_;
  std::unordered_map<std::string, Load> loads_;
  std::vector<Waiter*> nearer_;
};

}  // namespace weir::traffic
