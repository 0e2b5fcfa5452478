#include "traffic/forecast.h"

#include <algorithm>

namespace weir::traffic {

Forecast::Load& Forecast::load(const Cell& cell) {
  auto [found, fresh] = loads_.try_emplace(cell.id);
  if (fresh) found->second.state = limiter_.adjust(std::span(&cell, 1), Cost{}, now_).front();
  return found->second;
}

/// When cells [first, last) can all pay. In GCRA costs add up: the k-th in line is paid once the
/// bucket has room for all of them, debt included.
Forecast::Due Forecast::due(const Waiter& waiter, size_t first_cell, size_t last_cell) {
  Due due{.at = now_};
  for (size_t i = first_cell; i < last_cell; ++i) {
    const Limit& limit = waiter.cells[i].limit;
    int64_t wanted = waiter.cost.of(limit.unit);
    if (wanted <= 0) continue;
    const Load& at = load(waiter.cells[i]);
    __int128 units = static_cast<__int128>(at.ahead + wanted) * limit.window.count();
    __int128 wait =
        at.state.full_in.count() - limit.window.count() + (units + limit.cap - 1) / limit.cap;
    constexpr __int128 kMost = std::chrono::microseconds(std::chrono::hours(24 * 3650)).count();
    TimePoint paid = now_ + std::chrono::microseconds(
                                static_cast<int64_t>(std::clamp<__int128>(wait, 0, kMost)));
    if (paid > due.at) due = {paid, &waiter.cells[i]};
  }
  return due;
}

void Forecast::serve(const Waiter& waiter) {
  for (const Cell& cell : waiter.cells) load(cell).ahead += waiter.cost.of(cell.limit.unit);
}

void Forecast::look(Player& player) {
  player.key_due = due(head(player), 0, head(player).key_cells);
}

std::vector<CellState> Forecast::seen(const Waiter& waiter) {
  std::vector<CellState> states;
  for (const Cell& cell : waiter.cells) states.push_back(load(cell).state);
  return states;
}

/// The first in turn whose key can pay by now; if none can, the first whose key can.
void Forecast::find_turn(Lane& lane) {
  auto ready = [&](const Player& each) { return each.key_due.at <= lane.reached.at; };
  lane.turn = std::find_if(lane.ring.begin(), lane.ring.end(), ready);
  if (lane.turn == lane.ring.end()) {
    lane.turn = std::min_element(
        lane.ring.begin(), lane.ring.end(),
        [](const Player& a, const Player& b) { return a.key_due.at < b.key_due.at; });
  }
  const Waiter& waiter = head(*lane.turn);
  lane.paid = due(waiter, waiter.key_cells, waiter.cells.size());
  if (lane.turn->key_due.at >= lane.paid.at) lane.paid = lane.turn->key_due;
  // Its turn comes only when those before it are through.
  if (lane.reached.at > lane.paid.at) lane.paid = lane.reached;
}

void Forecast::play_turn(Lane& lane, std::vector<Waiter*>& nearer, std::vector<Waiter*>& late) {
  Waiter& waiter = head(*lane.turn);
  if (lane.paid.at < waiter.due) nearer.push_back(&waiter);
  waiter.due = lane.paid.at;
  bool is_late = lane.paid.at > waiter.deadline;
  if (is_late) {
    waiter.seen = seen(waiter);
    waiter.blocker = lane.paid.blocker != nullptr ? *lane.paid.blocker : waiter.cells.front();
    late.push_back(&waiter);
  } else {
    serve(waiter);
    lane.reached = lane.paid;
  }
  if (++lane.turn->next == lane.turn->line->waiters.size()) {
    lane.ring.erase(lane.turn);
  } else if (!is_late) {
    lane.ring.splice(lane.ring.end(), lane.ring, lane.turn);
  }
}

void Forecast::run(const std::vector<ModelLine*>& lines, std::vector<Waiter*>& nearer,
                   std::vector<Waiter*>& late) {
  std::vector<Lane> lanes;
  for (const ModelLine* line : lines) {
    Lane& lane = lanes.emplace_back(Lane{.ring = {}, .reached = {.at = now_}});
    for (const ClientLine& own : *line) look(lane.ring.emplace_back(Player{&own}));
  }
  while (true) {
    Lane* next = nullptr;
    for (Lane& lane : lanes) {
      if (lane.ring.empty()) continue;
      find_turn(lane);
      bool sooner =
          next == nullptr || lane.paid.at < next->paid.at ||
          (lane.paid.at == next->paid.at && head(*lane.turn).ticket < head(*next->turn).ticket);
      if (sooner) next = &lane;
    }
    if (next == nullptr) return;
    std::string client = head(*next->turn).client;
    play_turn(*next, nearer, late);
    // What it takes from its key delays the client's next ones, here and in the lines of other
    // models.
    for (Lane& lane : lanes) {
      for (Player& player : lane.ring) {
        if (player.line->client == client) look(player);
      }
    }
  }
}

}  // namespace weir::traffic
