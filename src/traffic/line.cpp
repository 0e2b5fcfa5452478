#include "traffic/line.h"

#include <algorithm>
#include <utility>

#include "traffic/forecast.h"

namespace weir::traffic {
namespace {

/// The buckets that cannot pay, by what the limiter said.
void close_refusing(const Waiter& waiter, const Decision& decision, ClosedCells& closed) {
  for (size_t i = 0; i < waiter.cells->size(); ++i) {
    const Cell& cell = (*waiter.cells)[i];
    int64_t wanted = waiter.cost.of(cell.limit.unit);
    if (wanted > 0 && decision.cells[i].remaining < wanted) closed.insert(cell.id);
  }
}

Turn turn_of(const ModelLine& line, const ClientLine& own) {
  const Waiter& head = *own.waiters.front();
  return {head.priority, line.served.at(own.client), head.ticket};
}

}  // namespace

double turn_cost(const Waiter& waiter) {
  return static_cast<double>(std::max<int64_t>(1, waiter.cost.of(Unit::tokens))) / waiter.weight;
}

bool Turn::before(const Turn& other) const {
  if (priority != other.priority) return priority > other.priority;
  if (served != other.served) return served < other.served;
  return ticket < other.ticket;
}

const Cell* shared(const ClosedCells& closed, const std::vector<Cell>& cells) {
  if (closed.empty()) return nullptr;
  for (const Cell& cell : cells) {
    if (closed.contains(cell.id)) return &cell;
  }
  return nullptr;
}

bool Line::free_for(const std::vector<Cell>& cells) const {
  if (size_ == 0) return true;
  return std::none_of(cells.begin(), cells.end(),
                      [&](const Cell& cell) { return wanted_.contains(cell.id); });
}

void Line::join(Waiter& waiter) {
  waiter.ticket = next_ticket_++;
  waiter.due = TimePoint::max();
  ModelLine& line = models_[waiter.model];
  auto own = std::find_if(line.clients.begin(), line.clients.end(),
                          [&](const ClientLine& each) { return each.client == waiter.client; });
  if (own == line.clients.end()) {
    // Who comes back to the line has no claim on what was served meanwhile.
    double least = 0;
    for (bool first = true; const ClientLine& each : line.clients) {
      double served = line.served.at(each.client);
      least = std::exchange(first, false) ? served : std::min(least, served);
    }
    double& served = line.served[waiter.client];
    served = std::max(served, least);
    own = line.clients.insert(line.clients.end(), ClientLine{waiter.client, {}});
  }
  own->waiters.push_back(&waiter);
  for (const Cell& cell : *waiter.cells) ++wanted_[cell.id];
  ++size_;
}

void Line::forget(Waiter& waiter) {
  --size_;
  for (const Cell& cell : *waiter.cells) {
    auto wanted = wanted_.find(cell.id);
    if (--wanted->second == 0) wanted_.erase(wanted);
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
    if (clients.empty()) models_.erase(model);
    forget(waiter);
    return;
  }
}

void Line::foretell(Waiter& waiter, TimePoint now) {
  join(waiter);
  std::vector<Waiter*> late;
  Forecast(limiter_, now).run(by_age(), late);
  leave(waiter);
}

std::vector<Waiter*> Line::clear() {
  std::vector<Waiter*> all;
  for (auto& [model, line] : models_) {
    for (ClientLine& own : line.clients) {
      all.insert(all.end(), own.waiters.begin(), own.waiters.end());
    }
  }
  models_.clear();
  wanted_.clear();
  size_ = 0;
  return all;
}

/// Who waits longest at its head goes first, so that requests for several models that share a
/// bucket keep their order.
std::vector<ModelLine*> Line::by_age() {
  std::vector<std::pair<uint64_t, ModelLine*>> aged;
  for (auto& [model, line] : models_) {
    uint64_t oldest = UINT64_MAX;
    for (const ClientLine& own : line.clients) {
      oldest = std::min(oldest, own.waiters.front()->ticket);
    }
    aged.emplace_back(oldest, &line);
  }
  std::sort(aged.begin(), aged.end());
  std::vector<ModelLine*> lines;
  for (auto& [oldest, line] : aged) lines.push_back(line);
  return lines;
}

void Line::admit(ModelLine& line, ClosedCells& closed, TimePoint now,
                 std::vector<Waiter*>& changed) {
  std::unordered_set<const ClientLine*> behind;  // that cannot go in this pass
  while (true) {
    auto next = line.clients.end();
    for (auto own = line.clients.begin(); own != line.clients.end(); ++own) {
      if (behind.contains(&*own)) continue;
      if (next == line.clients.end() || turn_of(line, *own).before(turn_of(line, *next))) {
        next = own;
      }
    }
    if (next == line.clients.end()) return;
    Waiter& head = *next->waiters.front();
    if (shared(closed, *head.cells) != nullptr) {
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
    forget(head);
    line.served.at(next->client) += turn_cost(head);
    next->waiters.pop_front();
    if (next->waiters.empty()) line.clients.erase(next);
  }
}

void Line::refuse(Waiter& waiter, TimePoint now, std::vector<Waiter*>& changed) {
  waiter.state = Waiter::State::refused;
  waiter.seen = limiter_.adjust(*waiter.cells, Cost{}, now);
  leave(waiter);
  changed.push_back(&waiter);
}

/// Whose wait nobody could foretell exactly leaves when it has waited as long as it may.
void Line::expire(TimePoint now, std::vector<Waiter*>& changed) {
  std::vector<Waiter*> over;
  for (auto& [model, line] : models_) {
    for (ClientLine& own : line.clients) {
      for (Waiter* waiter : own.waiters) {
        bool unsure = waiter->due == TimePoint::max() || is_estimate(waiter->blocker);
        if (unsure && now >= waiter->deadline) over.push_back(waiter);
      }
    }
  }
  for (Waiter* waiter : over) refuse(*waiter, now, changed);
}

std::vector<Waiter*> Line::settle(TimePoint now) {
  std::vector<Waiter*> changed;
  ClosedCells closed;
  for (ModelLine* line : by_age()) admit(*line, closed, now, changed);
  std::erase_if(models_, [](const auto& model) { return model.second.clients.empty(); });
  while (size_ > 0) {
    std::vector<Waiter*> late;
    std::vector<Waiter*> nearer = Forecast(limiter_, now).run(by_age(), late);
    for (Waiter* waiter : late) refuse(*waiter, now, changed);
    if (!late.empty()) continue;
    changed.insert(changed.end(), nearer.begin(), nearer.end());
    break;
  }
  expire(now, changed);
  return changed;
}

}  // namespace weir::traffic
