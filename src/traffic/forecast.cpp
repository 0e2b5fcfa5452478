#include "traffic/forecast.h"

#include <algorithm>

namespace weir::traffic {

void Forecast::look_up(Player& player) {
  for (const Cell& cell : *head(player).cells) {
    auto [found, fresh] = loads_.try_emplace(cell.id);
    Load& load = found->second;
    if (fresh) {
      CellState state = limiter_.adjust(std::span(&cell, 1), Cost{}, now_).front();
      load.at = now_;
      load.level = static_cast<Wide>(state.full_in.count()) * cell.limit.cap;
      load.remaining = state.remaining;
    }
    player.loads.push_back(&load);
  }
}

/// A GCRA cell pays when it has leaked enough, debt included; a quota that is spent when its period
/// ends; how long others run nobody knows.
TimePoint Forecast::payable(const Cell& cell, const Load& load, int64_t wanted) const {
  const Limit& limit = cell.limit;
  if (limit.window.count() == 0) {
    if (wanted <= load.remaining) return now_;
    return limit.calendar != Calendar::none ? cell.ends : TimePoint::max();
  }
  Wide over = load.level + static_cast<Wide>(wanted - limit.cap) * limit.window.count();
  constexpr Wide kMost = std::chrono::microseconds(std::chrono::hours(24 * 3650)).count();
  Wide wait = std::clamp<Wide>((over + limit.cap - 1) / limit.cap, 0, kMost);
  return load.at + std::chrono::microseconds(static_cast<int64_t>(wait));
}

/// What the limiter does when it takes, at time_.
void Forecast::take(const Cell& cell, Load& load, int64_t wanted) const {
  const Limit& limit = cell.limit;
  load.remaining -= wanted;
  Wide passed = std::chrono::duration_cast<std::chrono::microseconds>(time_ - load.at).count();
  load.level = std::max<Wide>(0, load.level - passed * limit.cap) +
               static_cast<Wide>(wanted) * limit.window.count();
  load.at = time_;
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
    if (paid > time_ && close) {
      closed_.insert(cell.id);
      // From then on it holds nobody up, be its waiter still short elsewhere.
      next_ = std::min(next_, paid);
    }
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
      const Cell& cell = (*waiter.cells)[i];
      take(cell, *player->loads[i], waiter.cost.of(cell.limit.unit));
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
    bool is_late = is_spent ||
                   (at != TimePoint::max() && at > waiter.deadline && !is_estimate(waiter.blocker));
    if (at <= time_ || is_late) {
      if (at < waiter.due) nearer_.push_back(&waiter);
      waiter.due = at;
      waiter.place = ++lane.places;
      if (is_late && waiter.blocker == nullptr) waiter.blocker = held_up_by(waiter);
      if (is_late) late.push_back(&waiter);
      go(lane, player, !is_late);
      continue;
    }
    due(*player, true);
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
