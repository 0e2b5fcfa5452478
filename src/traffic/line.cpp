#include "traffic/line.h"

#include <algorithm>
#include <utility>

#include "traffic/forecast.h"

namespace weir::traffic {
namespace {

uint64_t oldest(const ModelLine& line) {
  uint64_t ticket = UINT64_MAX;
  for (const ClientLine& own : line.clients) ticket = std::min(ticket, own.waiters.front()->ticket);
  return ticket;
}

/// The line with the oldest first request comes first. So requests for several models that share a
/// bucket keep their order.
bool is_older(const ModelLine* a, const ModelLine* b) { return oldest(*a) < oldest(*b); }

/// Closes the buckets that, by the limiter's decision, cannot pay.
void close_refusing(const Waiter& waiter, const Decision& decision, ClosedCells& closed) {
  for (size_t i = 0; i < waiter.cells->size(); ++i) {
    const Cell& cell = (*waiter.cells)[i];
    int64_t wanted = waiter.cost.of(cell.limit.unit);
    if (wanted > 0 && decision.cells[i].remaining < wanted) closed.insert(cell.id);
  }
}

Turn turn_of(const ClientLine& own) { return turn_of(*own.waiters.front(), *own.served); }

}  // namespace

const Cell* shared(const ClosedCells& closed, const std::vector<Cell>& cells) {
  if (closed.empty()) return nullptr;
  for (const Cell& cell : cells) {
    if (closed.contains(cell.id)) return &cell;
  }
  return nullptr;
}

bool is_everybodys(const Cell& cell, const ModelLine& line) {
  auto wanted = line.wanted.find(cell.id);
  return wanted != line.wanted.end() && wanted->second == line.size;
}

bool Line::free_for(const std::vector<Cell>& cells) const {
  return std::none_of(models_.begin(), models_.end(), [&](const auto& model) {
    return std::any_of(cells.begin(), cells.end(),
                       [&](const Cell& cell) { return model.second.wanted.contains(cell.id); });
  });
}

void Line::join(Waiter& waiter) {
  const auto tokens = std::max<int64_t>(1, waiter.cost.of(Unit::tokens));
  waiter.ticket = next_ticket_++;
  waiter.level = order_.level(waiter.priority, waiter.weight);
  waiter.charge = order_.charge(static_cast<double>(tokens), waiter.weight);
  waiter.due = TimePoint::max();
  ModelLine& line = models_[waiter.model];
  auto own = std::find_if(line.clients.begin(), line.clients.end(),
                          [&](const ClientLine& each) { return each.client == waiter.client; });
  if (own == line.clients.end()) {
    // A client gains nothing from having been idle.
    double least = 0;
    for (bool first = true; const ClientLine& each : line.clients) {
      double served = *each.served;
      least = std::exchange(first, false) ? served : std::min(least, served);
    }
    double& served = line.served[waiter.client];
    served = std::max(served, least);
    own = line.clients.insert(line.clients.end(), ClientLine{waiter.client, &served, {}});
  }
  own->waiters.push_back(&waiter);
  want(line, waiter);
}

void Line::want(ModelLine& line, const Waiter& waiter) {
  ++size_;
  ++line.size;
  for (const Cell& cell : *waiter.cells) {
    ++line.wanted[cell.id];
    next_end_ = std::min(next_end_, cell.ends);
  }
}

void Line::forget(ModelLine& line, const Waiter& waiter) {
  --size_;
  --line.size;
  for (const Cell& cell : *waiter.cells) {
    auto wanted = line.wanted.find(cell.id);
    if (--wanted->second == 0) line.wanted.erase(wanted);
  }
}

void Line::leave(Waiter& waiter) {
  auto model = models_.find(waiter.model);
  if (model == models_.end()) return;
  auto& clients = model->second.clients;
  for (auto own = clients.begin(); own != clients.end(); ++own) {
    auto place = std::find(own->waiters.begin(), own->waiters.end(), &waiter);
    if (place == own->waiters.end()) continue;
    own->waiters.erase(place);
    if (own->waiters.empty()) clients.erase(own);
    forget(model->second, waiter);
    if (clients.empty()) models_.erase(model);
    return;
  }
}

void Line::renew(TimePoint now, const std::function<Cells(const Waiter&)>& cells_of) {
  if (now < next_end_) return;
  next_end_ = TimePoint::max();
  for (auto& [model, line] : models_) {
    for (ClientLine& own : line.clients) {
      for (Waiter* waiter : own.waiters) {
        forget(line, *waiter);
        waiter->blocker = nullptr;
        waiter->cells = cells_of(*waiter);
        want(line, *waiter);
      }
    }
  }
}

void Line::predict(Waiter& waiter, TimePoint now) {
  struct Outlook {
    Waiter* of;
    TimePoint due;
    size_t place;
    const Cell* blocker;
  };
  std::vector<Outlook> outlooks;
  for (auto& [model, line] : models_) {
    for (ClientLine& own : line.clients) {
      for (Waiter* each : own.waiters)
        outlooks.push_back({each, each->due, each->place, each->blocker});
    }
  }
  join(waiter);
  std::vector<Waiter*> nearer;
  for (Waiter* gone : play(now, nearer)) {
    if (gone != &waiter) gone->state = Waiter::State::waiting;
  }
  leave(waiter);
  for (const Outlook& each : outlooks) {
    each.of->due = each.due;
    each.of->place = each.place;
    each.of->blocker = each.blocker;
  }
}

std::vector<Waiter*> Line::clear() {
  std::vector<Waiter*> all;
  for (auto& [model, line] : models_) {
    for (ClientLine& own : line.clients) {
      all.insert(all.end(), own.waiters.begin(), own.waiters.end());
    }
  }
  models_.clear();
  size_ = 0;
  return all;
}

std::vector<ModelLine*> Line::by_age() {
  std::vector<ModelLine*> lines;
  for (auto& [model, line] : models_) lines.push_back(&line);
  std::sort(lines.begin(), lines.end(), is_older);
  return lines;
}

bool Line::admit_next(ModelLine& line, ClosedCells& closed, TimePoint now,
                      std::vector<Waiter*>& changed) {
  std::unordered_set<const ClientLine*> behind;
  while (true) {
    auto next = line.clients.end();
    for (auto own = line.clients.begin(); own != line.clients.end(); ++own) {
      if (behind.contains(&*own)) continue;
      if (next == line.clients.end() || turn_of(*own).before(turn_of(*next))) {
        next = own;
      }
    }
    if (next == line.clients.end()) return false;
    Waiter& head = *next->waiters.front();
    if (const Cell* cell = shared(closed, *head.cells)) {
      if (is_everybodys(*cell, line)) return false;
      behind.insert(&*next);
      continue;
    }
    Decision decision = limiter_.take(*head.cells, head.cost, now);
    head.seen = decision.cells;
    if (decision.kind != Decision::Kind::taken) {
      close_refusing(head, decision, closed);
      behind.insert(&*next);
      continue;
    }
    head.state = Waiter::State::admitted;
    changed.push_back(&head);
    forget(line, head);
    *next->served += head.charge;
    next->waiters.pop_front();
    if (next->waiters.empty()) line.clients.erase(next);
    return true;
  }
}

/// Admits one request at a time. After each, another request may be the oldest, and other buckets
/// may be unable to pay.
void Line::admit(TimePoint now, std::vector<Waiter*>& changed) {
  bool went = true;
  while (went) {
    ClosedCells closed;
    std::vector<ModelLine*> lines = by_age();
    went = std::any_of(lines.begin(), lines.end(),
                       [&](ModelLine* line) { return admit_next(*line, closed, now, changed); });
    std::erase_if(models_, [](const auto& model) { return model.second.clients.empty(); });
  }
}

void Line::refuse(Waiter& waiter, TimePoint now, std::vector<Waiter*>& changed) {
  waiter.seen = limiter_.adjust(*waiter.cells, Cost{}, now);
  leave(waiter);
  changed.push_back(&waiter);
}

/// Requests without an exact prediction leave the line when they have waited `max_wait`.
std::vector<Waiter*> Line::overdue(TimePoint now) const {
  std::vector<Waiter*> over;
  for (const auto& [model, line] : models_) {
    for (const ClientLine& own : line.clients) {
      for (Waiter* waiter : own.waiters) {
        bool waits = waiter->state == Waiter::State::waiting;
        bool unsure = waiter->due == TimePoint::max() || is_estimate(waiter->blocker);
        if (waits && unsure && now >= waiter->deadline) over.push_back(waiter);
      }
    }
  }
  return over;
}

std::vector<Waiter*> Line::play(TimePoint now, std::vector<Waiter*>& nearer) {
  std::vector<Waiter*> gone;
  while (true) {
    std::vector<Waiter*> late;
    for (Waiter* waiter : Forecast(limiter_, now).run(by_age(), late)) nearer.push_back(waiter);
    if (late.empty()) late = overdue(now);
    if (late.empty()) return gone;
    for (Waiter* waiter : late) waiter->state = Waiter::State::refused;
    gone.insert(gone.end(), late.begin(), late.end());
  }
}

std::vector<Waiter*> Line::settle(TimePoint now, Foresight foresight) {
  std::vector<Waiter*> changed, nearer;
  admit(now, changed);
  stale_ = foresight == Foresight::soon && now - predicted_ < forecast_age_ && size_ > 0;
  if (stale_) return changed;
  predicted_ = now;
  for (bool again = size_ > 0; again;) {
    const std::vector<Waiter*> gone = play(now, nearer);
    for (Waiter* waiter : gone) refuse(*waiter, now, changed);
    if (gone.empty()) break;
    // A request behind a refused one may be payable now.
    const size_t before = size_;
    admit(now, changed);
    again = size_ < before;
  }
  std::copy_if(nearer.begin(), nearer.end(), std::back_inserter(changed),
               [](const Waiter* waiter) { return waiter->state == Waiter::State::waiting; });
  return changed;
}

}  // namespace weir::traffic
