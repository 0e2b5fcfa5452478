#include "traffic/forecast.h"

#include <algorithm>

namespace weir::traffic {

void Forecast::look_up(Player& player) {
  for (const Cell& cell : *head(player).cells) {
    auto [found, fresh] = loads_.try_emplace(cell.id);
    if (fresh) found->second.state = limiter_.adjust(std::span(&cell, 1), Cost{}, now_).front();
    player.loads.push_back(&found->second);
  }
}

/// In GCRA costs add up: the k-th in line is paid once the bucket has room for all of them, debt
/// included. A quota that is spent pays when its period ends; how long others run nobody knows.
TimePoint Forecast::payable(const Cell& cell, const Load& load, int64_t wanted) const {
  const Limit& limit = cell.limit;
  if (limit.window.count() == 0) {
    if (load.ahead + wanted <= load.state.remaining) return now_;
    return limit.calendar != Calendar::none ? cell.ends : TimePoint::max();
  }
  __int128 units = static_cast<__int128>(load.ahead + wanted) * limit.window.count();
  __int128 wait =
      load.state.full_in.count() - limit.window.count() + (units + limit.cap - 1) / limit.cap;
  constexpr __int128 kMost = std::chrono::microseconds(std::chrono::hours(24 * 3650)).count();
  return now_ +
         std::chrono::microseconds(static_cast<int64_t>(std::clamp<__int128>(wait, 0, kMost)));
}

TimePoint Forecast::due(Player& player, bool close) {
  if (player.loads.empty()) look_up(player);
  Waiter& waiter = head(player);
  TimePoint due = time_;
  for (size_t i = 0; i < waiter.cells->size(); ++i) {
    const Cell& cell = (*waiter.cells)[i];
    int64_t wanted = waiter.cost.of(cell.limit.unit);
    if (wanted <= 0) continue;
    TimePoint paid = payable(cell, *player.loads[i], wanted);
    if (paid > time_ && close) closed_.insert(cell.id);
    if (paid <= due) continue;
    due = paid;
    waiter.blocker = &cell;
  }
  return due;
}

std::list<Forecast::Player>::iterator Forecast::next_turn(Lane& lane) {
  auto turn = [](const Player& player) {
    return Turn{head(player).priority, player.served, head(player).ticket};
  };
  auto next = lane.players.end();
  for (auto each = lane.players.begin(); each != lane.players.end(); ++each) {
    if (each->behind) continue;
    if (next == lane.players.end() || turn(*each).before(turn(*next))) next = each;
  }
  return next;
}

void Forecast::go(Lane& lane, std::list<Player>::iterator player, bool pays) {
  Waiter& waiter = head(*player);
  if (pays) {
    for (size_t i = 0; i < waiter.cells->size(); ++i) {
      player->loads[i]->ahead += waiter.cost.of((*waiter.cells)[i].limit.unit);
    }
    player->served += turn_cost(waiter);
  }
  player->loads.clear();
  if (++player->next == player->line->waiters.size()) lane.players.erase(player);
}

/// What Line::admit does, at time_.
void Forecast::pass(Lane& lane, std::vector<Waiter*>& late) {
  for (Player& player : lane.players) player.behind = false;
  for (auto player = next_turn(lane); player != lane.players.end(); player = next_turn(lane)) {
    Waiter& waiter = head(*player);
    if (const Cell* cell = shared(closed_, *waiter.cells)) {
      waiter.blocker = cell;
      player->behind = true;
      continue;
    }
    TimePoint at = due(*player, false);
    // Nobody waits for a quota's next period.
    bool is_spent = at > time_ && waiter.blocker->limit.calendar != Calendar::none;
    bool is_late = is_spent || (at != TimePoint::max() && at > waiter.deadline);
    if (at <= time_ || is_late) {
      if (at < waiter.due) nearer_.push_back(&waiter);
      waiter.due = at;
      waiter.place = ++lane.places;
      if (is_late) late.push_back(&waiter);
      go(lane, player, !is_late);
      continue;
    }
    due(*player, true);
    next_ = std::min(next_, at);
    player->behind = true;
  }
}

const Cell* Forecast::held_up_by(const Waiter& waiter) const {
  const Cell* cell = shared(closed_, *waiter.cells);
  return cell != nullptr ? cell : &waiter.cells->front();
}

/// Who waits for something that nobody can foretell, or behind one who does.
void Forecast::rest(Lane& lane) {
  for (Player& player : lane.players) {
    for (; player.next < player.line->waiters.size(); ++player.next) {
      Waiter& waiter = head(player);
      if (waiter.blocker == nullptr) waiter.blocker = held_up_by(waiter);
      waiter.due = TimePoint::max();
      waiter.place = ++lane.places;
    }
  }
}

std::vector<Waiter*> Forecast::run(const std::vector<ModelLine*>& lines,
                                   std::vector<Waiter*>& late) {
  std::vector<Lane> lanes;
  for (const ModelLine* line : lines) {
    Lane& lane = lanes.emplace_back();
    for (const ClientLine& own : line->clients) {
      for (Waiter* waiter : own.waiters) waiter->blocker = nullptr;
      lane.players.push_back(Player{.line = &own, .served = line->served.at(own.client)});
    }
  }
  while (true) {
    closed_.clear();
    next_ = TimePoint::max();
    std::stable_sort(lanes.begin(), lanes.end(), [](const Lane& a, const Lane& b) {
      auto oldest = [](const Lane& lane) {
        uint64_t ticket = UINT64_MAX;
        for (const Player& player : lane.players) ticket = std::min(ticket, head(player).ticket);
        return ticket;
      };
      return oldest(a) < oldest(b);
    });
    for (Lane& lane : lanes) pass(lane, late);
    if (next_ == TimePoint::max()) break;
    time_ = next_;
  }
  for (Lane& lane : lanes) rest(lane);
  return std::move(nearer_);
}

}  // namespace weir::traffic
