#pragma once

#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "traffic/line.h"

namespace weir::traffic {

/// Plays the lines forward from `now` without taking anything: when will each waiter be paid if
/// nobody else comes and nothing is given back?
class Forecast {
 public:
  Forecast(Limiter& limiter, TimePoint now) : limiter_(limiter), now_(now) {}

  /// Sets `due` of everybody in `lines`. Adds to `nearer` whose `due` came nearer, to `late` (with
  /// its blocker) whose `due` is past its deadline; the late count as gone for those behind them.
  void run(const std::vector<ModelLine*>& lines, std::vector<Waiter*>& nearer,
           std::vector<Waiter*>& late);

 private:
  struct Load {
    CellState state;
    int64_t ahead = 0;  // units that those served before will have taken
  };
  struct Due {
    TimePoint at;
    const Cell* blocker = nullptr;  // the bucket that it waits for; null: none
  };
  struct Player {
    const ClientLine* line;
    size_t next = 0;
    Due key_due{};
  };
  struct Lane {
    std::list<Player> ring;  // the front has the turn
    Due reached;             // the line has come so far, held up by that bucket
    std::list<Player>::iterator turn{};
    Due paid{};  // when `turn` can be paid
  };

  Load& load(const Cell& cell);
  Due due(const Waiter& waiter, size_t first_cell, size_t last_cell);
  void serve(const Waiter& waiter);
  void look(Player& player);
  void find_turn(Lane& lane);
  void play_turn(Lane& lane, std::vector<Waiter*>& nearer, std::vector<Waiter*>& late);
  std::vector<CellState> seen(const Waiter& waiter);
  static Waiter& head(const Player& player) { return *player.line->waiters[player.next]; }

  Limiter& limiter_;
  const TimePoint now_;
  std::unordered_map<std::string, Load> loads_;
};

}  // namespace weir::traffic
