#pragma once

#include <deque>
#include <list>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "traffic/line.h"

namespace weir::traffic {

/// Predicts when each waiter will be admitted, if no other request comes and nothing is given back.
/// It plays the lines forward from `now` without taking anything. The rules are those of
/// Line::settle.
class Forecast {
 public:
  Forecast(Limiter& limiter, TimePoint now) : limiter_(limiter), now_(now), time_(now) {}

  /// Sets `due`, `place` and `blocker` of all waiters in `lines` (oldest first). Returns the
  /// waiters whose `due` came nearer. Adds waiters whose `due` is past their deadline to `late`.
  /// These count as gone for the waiters behind them.
  std::vector<Waiter*> run(const std::vector<ModelLine*>& lines, std::vector<Waiter*>& late);

 private:
  using Wide = __int128;
  /// A bucket at the played time. `level` is in units times the microseconds of its window.
  struct PlayedBucket {
    TimePoint at;
    Wide level = 0;
    int64_t remaining = 0;  // of a bucket without window
  };
  struct Player {
    const ClientLine* line;
    size_t next = 0;
    double served = 0;
    std::vector<PlayedBucket*> loads;  // of its first waiter; empty: not looked up yet
  };
  struct ByTurn {
    bool operator()(const Player* a, const Player* b) const;
  };
  struct Lane {
    const ModelLine* line = nullptr;
    std::deque<Player> all;
    std::set<Player*, ByTurn> players;  // those with waiters left
    std::set<uint64_t> tickets;         // of their first waiters
    size_t places = 0;                  // given so far
  };

  static void fill(Lane& lane, const ModelLine& line);
  static void enter(Lane& lane, Player& player);
  static bool is_older(const Lane& a, const Lane& b);
  void begin_pass(std::list<Lane>& lanes);
  /// False: no waiter of this lane goes at time_.
  bool pass(Lane& lane, std::vector<Waiter*>& late);
  /// The time at which the first waiter can be paid; sets its blocker. With `close` it closes the
  /// buckets that cannot pay at time_.
  TimePoint due(Player& player, bool close);
  TimePoint payable(const Cell& cell, const PlayedBucket& load, int64_t wanted) const;
  void take(const Cell& cell, PlayedBucket& load, int64_t wanted) const;
  void go(Lane& lane, Player& player, bool pays);
  static bool skip_gone(Player& player);
  void look_up(Player& player);
  void rest(Lane& lane);
  const Cell* held_up_by(const Waiter& waiter) const;
  static Waiter& head(const Player& player) { return *player.line->waiters[player.next]; }

  Limiter& limiter_;
  const TimePoint now_;
  TimePoint time_;                     // played so far
  TimePoint next_ = TimePoint::max();  // the next time at which a waiter may go
  ClosedCells closed_;
  std::unordered_map<std::string, PlayedBucket> loads_;
  std::vector<Waiter*> nearer_;
};

}  // namespace weir::traffic
