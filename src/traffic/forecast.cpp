#include "traffic/forecast.h"

#include <algorithm>

namespace weir::traffic {

void Forecast::look_up(Player& player) {
  for (const Cell& cell : *head(player).cells) {
    auto [found, fresh] = loads_.try_emplace(cell.id);
    PlayedBucket& load = found->second;
    if (fresh) {
      CellState state = limiter_.adjust(std::span(&cell, 1), Cost{}, now_).front();
      load.at = now_;
      load.level = static_cast<Wide>(state.full_in.count()) * cell.limit.cap;
      load.remaining = state.remaining;
    }
    player.loads.push_back(&load);
  }
}

/// A GCRA cell pays when it has leaked enough, debt included. A spent quota pays when its period
/// ends. When running requests end is not known.
TimePoint Forecast::payable(const Cell& cell, const PlayedBucket& load, int64_t wanted) const {
  const Limit& limit = cell.limit;
  if (limit.window.count() == 0) {
    if (wanted <= load.remaining) return now_;
    return limit.calendar != Calendar::none ? cell.ends : TimePoint::max();
  }
  // Times are rounded to microseconds, but whole units are exact: a cell that can pay now pays now.
  if (load.at == now_ && wanted <= load.remaining) return now_;
  Wide over = load.level + static_cast<Wide>(wanted - limit.cap) * limit.window.count();
  constexpr Wide kMost = std::chrono::microseconds(std::chrono::hours(24 * 3650)).count();
  Wide wait = std::clamp<Wide>((over + limit.cap - 1) / limit.cap, 0, kMost);
  return load.at + std::chrono::microseconds(static_cast<int64_t>(wait));
}

/// What the limiter does when it takes, at time_.
void Forecast::take(const Cell& cell, PlayedBucket& load, int64_t wanted) const {
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

bool Forecast::ByTurn::operator()(const Player* a, const Player* b) const {
  return turn_of(head(*a), a->served).before(turn_of(head(*b), b->served));
}

void Forecast::enter(Lane& lane, Player& player) {
  if (!skip_gone(player)) return;
  lane.players.insert(&player);
  lane.tickets.insert(head(player).ticket);
}

void Forecast::go(Lane& lane, Player& player, bool pays) {
  lane.players.erase(&player);
  lane.tickets.erase(head(player).ticket);
  Waiter& waiter = head(player);
  if (pays) {
    for (size_t i = 0; i < waiter.cells->size(); ++i) {
      const Cell& cell = (*waiter.cells)[i];
      take(cell, *player.loads[i], waiter.cost.of(cell.limit.unit));
    }
    player.served += waiter.charge;
  }
  player.loads.clear();
  ++player.next;
  enter(lane, player);
}

/// False: no waiter is left.
bool Forecast::skip_gone(Player& player) {
  const auto& waiters = player.line->waiters;
  while (player.next < waiters.size() && head(player).state != Waiter::State::waiting) {
    ++player.next;
  }
  return player.next < waiters.size();
}

/// What Line::admit_next does, at time_.
bool Forecast::pass(Lane& lane, std::vector<Waiter*>& late) {
  for (Player* player : lane.players) {
    Waiter& waiter = head(*player);
    if (const Cell* cell = shared(closed_, *waiter.cells)) {
      if (is_everybodys(*cell, *lane.line)) return false;
      waiter.blocker = cell;
      continue;
    }
    TimePoint at = due(*player, false);
    // No request waits for a quota's next period.
    bool is_spent = at > time_ && waiter.blocker->limit.calendar != Calendar::none;
    // A waiter that can be paid now is not late, although a moment has passed since it came.
    bool is_late = is_spent || (at > now_ && at != TimePoint::max() && at > waiter.deadline &&
                                !is_estimate(waiter.blocker));
    if (at > time_ && !is_late) {
      due(*player, true);
      continue;
    }
    if (at < waiter.due) nearer_.push_back(&waiter);
    waiter.due = at;
    waiter.place = ++lane.places;
    if (is_late && waiter.blocker == nullptr) waiter.blocker = held_up_by(waiter);
    // A waiter that is found late at a later time has held others up until then. So some of them
    // only seem late.
    if (is_late && (late.empty() || time_ == now_)) late.push_back(&waiter);
    go(lane, *player, !is_late);
    return true;
  }
  return false;
}

const Cell* Forecast::held_up_by(const Waiter& waiter) const {
  const Cell* cell = shared(closed_, *waiter.cells);
  return cell != nullptr ? cell : &waiter.cells->front();
}

/// Waiters without a prediction, and those behind them.
void Forecast::rest(Lane& lane) {
  for (Player* player : lane.players) {
    for (; skip_gone(*player); ++player->next) {
      Waiter& waiter = head(*player);
      if (waiter.blocker == nullptr) waiter.blocker = held_up_by(waiter);
      waiter.due = TimePoint::max();
      waiter.place = ++lane.places;
    }
  }
}

bool Forecast::is_older(const Lane& a, const Lane& b) {
  auto oldest = [](const Lane& lane) {
    return lane.tickets.empty() ? UINT64_MAX : *lane.tickets.begin();
  };
  return oldest(a) < oldest(b);
}

void Forecast::begin_pass(std::list<Lane>& lanes) {
  lanes.sort(is_older);
  closed_.clear();
  next_ = TimePoint::max();
}

void Forecast::fill(Lane& lane, const ModelLine& line) {
  lane.line = &line;
  for (const ClientLine& own : line.clients) {
    for (Waiter* waiter : own.waiters) {
      if (waiter->state == Waiter::State::waiting) waiter->blocker = nullptr;
    }
    enter(lane, lane.all.emplace_back(Player{.line = &own, .served = *own.served}));
  }
}

std::vector<Waiter*> Forecast::run(const std::vector<ModelLine*>& lines,
                                   std::vector<Waiter*>& late) {
  std::list<Lane> lanes;  // players are known by address
  for (const ModelLine* line : lines) fill(lanes.emplace_back(), *line);
  do {
    do {
      begin_pass(lanes);
    } while (std::any_of(lanes.begin(), lanes.end(), [&](Lane& lane) { return pass(lane, late); }));
    time_ = next_;
  } while (time_ != TimePoint::max());
  for (Lane& lane : lanes) rest(lane);
  return std::move(nearer_);
}

}  // namespace weir::traffic
