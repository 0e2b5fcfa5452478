#include "traffic/line.h"

#include <algorithm>

#include "traffic/forecast.h"

namespace weir::traffic {
namespace {

/// The key's own buckets cannot pay, whatever the model's say.
bool key_cannot_pay(const Waiter& waiter, const Decision& decision) {
  for (size_t i = 0; i < waiter.key_cells; ++i) {
    int64_t wanted = waiter.cost.of(waiter.cells[i].limit.unit);
    if (wanted > 0 && decision.cells[i].remaining < wanted) return true;
  }
  return false;
}

}  // namespace

bool Line::free_for(const std::string& client, const std::string& model) const {
  return size_ == 0 || (!models_.contains(model) && !client_waiting_.contains(client));
}

void Line::join(Waiter& waiter) {
  waiter.ticket = next_ticket_++;
  waiter.due = TimePoint::max();
  ModelLine& line = models_[waiter.model];
  auto own = std::find_if(line.begin(), line.end(),
                          [&](const ClientLine& each) { return each.client == waiter.client; });
  if (own == line.end()) own = line.insert(line.end(), ClientLine{waiter.client, {}});
  own->waiters.push_back(&waiter);
  ++client_waiting_[waiter.client];
  ++size_;
}

void Line::forget(Waiter& waiter) {
  --size_;
  auto own = client_waiting_.find(waiter.client);
  if (--own->second == 0) client_waiting_.erase(own);
}

void Line::leave(Waiter& waiter) {
  auto model = models_.find(waiter.model);
  if (model == models_.end()) return;
  for (auto own = model->second.begin(); own != model->second.end(); ++own) {
    auto place = std::find(own->waiters.begin(), own->waiters.end(), &waiter);
    if (place == own->waiters.end()) continue;
    own->waiters.erase(place);
    if (own->waiters.empty()) model->second.erase(own);
    if (model->second.empty()) models_.erase(model);
    forget(waiter);
    return;
  }
}

void Line::foretell(Waiter& waiter, TimePoint now) {
  join(waiter);
  std::vector<Waiter*> nearer, late;
  Forecast(limiter_, now).run(by_age(), nearer, late);
  leave(waiter);
}

size_t Line::place_of(const Waiter& waiter) const {
  auto line = models_.find(waiter.model);
  if (line == models_.end()) return 0;
  size_t place = 0;
  for (const ClientLine& own : line->second) {
    for (const Waiter* each : own.waiters) place += each->due <= waiter.due ? 1 : 0;
  }
  return std::max<size_t>(place, 1);
}

std::vector<Waiter*> Line::clear() {
  std::vector<Waiter*> all;
  for (auto& [model, line] : models_) {
    for (ClientLine& own : line) all.insert(all.end(), own.waiters.begin(), own.waiters.end());
  }
  models_.clear();
  client_waiting_.clear();
  size_ = 0;
  return all;
}

/// Who waits longest at its head goes first, so that a client's requests for several models keep
/// their order.
std::vector<ModelLine*> Line::by_age() {
  std::vector<std::pair<uint64_t, ModelLine*>> aged;
  for (auto& [model, line] : models_) {
    uint64_t oldest = UINT64_MAX;
    for (const ClientLine& own : line) oldest = std::min(oldest, own.waiters.front()->ticket);
    aged.emplace_back(oldest, &line);
  }
  std::sort(aged.begin(), aged.end());
  std::vector<ModelLine*> lines;
  for (auto& [oldest, line] : aged) lines.push_back(line);
  return lines;
}

void Line::admit(ModelLine& line, TimePoint now, std::vector<Waiter*>& changed) {
  for (auto own = line.begin(); own != line.end();) {
    Waiter& head = *own->waiters.front();
    Decision decision = limiter_.take(head.cells, head.cost, now);
    head.seen = decision.cells;
    if (decision.kind != Decision::Kind::taken) {
      if (!key_cannot_pay(head, decision)) break;
      ++own;
      continue;
    }
    head.state = Waiter::State::admitted;
    changed.push_back(&head);
    forget(head);
    own->waiters.pop_front();
    auto served = own++;
    if (served->waiters.empty()) {
      line.erase(served);
    } else {
      line.splice(line.end(), line, served);
      if (own == line.end()) own = served;
    }
  }
}

std::vector<Waiter*> Line::settle(TimePoint now) {
  std::vector<Waiter*> changed;
  std::vector<ModelLine*> lines = by_age();
  for (ModelLine* line : lines) admit(*line, now, changed);
  Forecast forecast(limiter_, now);
  std::vector<Waiter*> refused;
  forecast.run(lines, changed, refused);
  for (Waiter* waiter : refused) {
    waiter->state = Waiter::State::refused;
    leave(*waiter);
    changed.push_back(waiter);
  }
  std::erase_if(models_, [](const auto& model) { return model.second.empty(); });
  return changed;
}

}  // namespace weir::traffic
