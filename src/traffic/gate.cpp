#include "weir/traffic/gate.h"

#include <algorithm>

#include "traffic/permit_state.h"

namespace weir::traffic {
namespace {

using std::chrono::milliseconds;

// The longest sleep, since a clock may jump.
constexpr milliseconds kLook{100};

/// When a waiter has to look: it can be admitted, or has waited as long as it may.
TimePoint wake_of(const Waiter& waiter) { return std::min(waiter.due, waiter.deadline); }

milliseconds left_of(const Waiter& waiter, TimePoint now) {
  TimePoint until = waiter.due == TimePoint::max() ? waiter.deadline : waiter.due;
  return std::max(std::chrono::ceil<milliseconds>(until - now), milliseconds(0));
}

/// Whether a newcomer should not enter the line. An estimated wait may turn out too short, and a
/// request in line should not be refused later. So an estimate must leave 3/10 of `max_wait` free.
bool is_doubtful(const Waiter& waiter, TimePoint now, milliseconds max_wait) {
  return is_estimate(waiter.blocker) && waiter.due != TimePoint::max() &&
         waiter.due - now > max_wait * 7 / 10;
}

Error closed() {
  return Error{.code = Code::unavailable,
               .message = "the server is shutting down and takes no new requests"};
}

}  // namespace

void Gate::Impl::set_rules(Rules rules) {
  std::lock_guard lock(mutex_);
  capacities_.set_rules(rules);
  book_.set_rules(std::move(rules));
}

void Gate::Impl::watch(const std::string& model, std::function<ModelPace()> pace) {
  std::lock_guard lock(mutex_);
  capacities_.watch(model, std::move(pace));
}

std::optional<CapacityState> Gate::Impl::capacity(const std::string& model) const {
  std::lock_guard lock(mutex_);
  return capacities_.state(model);
}

void Gate::Impl::first_token(const std::string& model, TimePoint admitted_at) {
  std::lock_guard lock(mutex_);
  capacities_.first_token(model, clock_.now() - admitted_at);
}

void Gate::Impl::try_at_once(Sleeper& waiter, TimePoint now) {
  Decision decision = limiter_->take(*waiter.cells, waiter.cost, now);
  waiter.seen = std::move(decision.cells);
  if (decision.kind == Decision::Kind::taken) {
    waiter.state = Waiter::State::admitted;
    capacities_.admitted(waiter.model);
    return;
  }
  waiter.blocker = &(*waiter.cells)[static_cast<size_t>(decision.worst)];
  bool foreseen = decision.retry_in != kUnforeseen;
  waiter.due = foreseen ? now + decision.retry_in : TimePoint::max();
  bool spent = waiter.blocker->limit.calendar != Calendar::none;
  if (spent || waiter.deadline <= now || (foreseen && waiter.due > waiter.deadline)) {
    waiter.state = Waiter::State::refused;
  }
}

void Gate::Impl::renew(TimePoint now) {
  line_.renew(now, [this](const Waiter& waiter) {
    return book_.of(static_cast<const Sleeper&>(waiter).key, waiter.model);
  });
}

void Gate::Impl::settle(Line::Foresight foresight) {
  if (line_.size() == 0) return;
  const TimePoint now = clock_.now();
  renew(now);
  capacities_.look(now);
  // A waiter's thread needs the mutex to go on, so the waiter lives as long as it is held here.
  for (Waiter* waiter : line_.settle(now, foresight)) {
    if (waiter->state == Waiter::State::admitted) capacities_.admitted(waiter->model);
    static_cast<Sleeper*>(waiter)->bell.notify_one();
  }
}

Sleeper& Gate::Impl::describe(Sleeper& waiter, const Entry& entry) {
  waiter.key = entry.key;
  waiter.client = entry.key->name;
  waiter.model = entry.model;
  waiter.weight = entry.key->weight;
  waiter.priority = entry.key->priority;
  waiter.cost = entry.cost;
  waiter.cells = book_.of(entry.key, entry.model);
  waiter.deadline = clock_.now() + entry.max_wait;
  return waiter;
}

void Gate::Impl::price(Sleeper& waiter, TimePoint now) {
  capacities_.look(now);
  waiter.cost.capacity = capacities_.cost(waiter.model, waiter.cost.input_tokens);
}

std::optional<Error> Gate::Impl::impossible(Sleeper& waiter) const {
  for (const Cell& cell : *waiter.cells) {
    if (waiter.cost.of(cell.limit.unit) <= cell.limit.cap) continue;
    waiter.blocker = &cell;
    return never_fits(waiter);
  }
  return std::nullopt;
}

Result<std::unique_ptr<Place::State>> Gate::Impl::enter(const Entry& entry,
                                                        std::vector<CellState>* cells) {
  auto place = std::make_unique<Place::State>(*this);
  // Not under the line's mutex: the book may ask the history, which takes a while.
  Sleeper& waiter = describe(place->waiter(), entry);
  std::unique_lock lock(mutex_);
  if (closed_) return closed();
  if (waiter.cells->empty()) {
    waiter.state = Waiter::State::admitted;
    return place;
  }
  TimePoint now = clock_.now();
  price(waiter, now);
  if (auto error = impossible(waiter)) {
    if (cells != nullptr) *cells = limiter_->adjust(*waiter.cells, Cost{}, now);
    waiter.state = Waiter::State::refused;
    lock.unlock();
    return *error;
  }
  renew(now);
  if (line_.free_for(*waiter.cells)) try_at_once(waiter, now);
  if (waiter.state == Waiter::State::waiting) {
    line_.join(waiter);
    settle();
    if (waiter.state == Waiter::State::waiting && is_doubtful(waiter, now, entry.max_wait)) {
      line_.leave(waiter);
      waiter.state = Waiter::State::refused;
      waiter.seen = limiter_->adjust(*waiter.cells, Cost{}, now);
    }
  }
  if (cells != nullptr) *cells = waiter.seen;
  // Other threads may write a waiting request as soon as the mutex is free.
  const bool is_refused = waiter.state == Waiter::State::refused;
  lock.unlock();
  if (is_refused) return refusal(waiter, now);
  return place;
}

Quote Gate::Impl::quote(const Entry& entry) {
  Sleeper waiter;
  describe(waiter, entry);
  std::lock_guard lock(mutex_);
  Quote quote{.cost = entry.cost};
  if (closed_) {
    quote.refusal = closed();
    return quote;
  }
  TimePoint now = clock_.now();
  price(waiter, now);
  quote.cells = limiter_->adjust(*waiter.cells, Cost{}, now);
  for (const Cell& cell : *waiter.cells) quote.owners.push_back(cell.owner);
  quote.refusal = impossible(waiter);
  if (quote.refusal || waiter.cells->empty()) return quote;
  renew(now);
  line_.predict(waiter, now);
  quote.wait = left_of(waiter, now);
  // A request that can be paid now does not wait, so nothing is estimated.
  bool doubtful = waiter.due > now && is_doubtful(waiter, now, entry.max_wait);
  if (waiter.state == Waiter::State::refused || doubtful) quote.refusal = refusal(waiter, now);
  return quote;
}

size_t Gate::Impl::waiting() const {
  std::lock_guard lock(mutex_);
  return line_.size();
}

void Gate::Impl::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  for (Waiter* waiter : line_.clear()) static_cast<Sleeper*>(waiter)->bell.notify_one();
}

std::vector<CellState> Gate::Impl::adjust(const Cells& cells, const Cost& change) {
  std::lock_guard lock(mutex_);
  auto seen = limiter_->adjust(*cells, change, clock_.now());
  if (!line_.free_for(*cells)) settle(Line::Foresight::soon);
  return seen;
}

bool Gate::Impl::admitted(const Sleeper& waiter) const {
  std::lock_guard lock(mutex_);
  return waiter.state == Waiter::State::admitted;
}

Standing Gate::Impl::standing(const Sleeper& waiter) const {
  std::lock_guard lock(mutex_);
  if (waiter.state != Waiter::State::waiting) return {};
  return {.place = waiter.place, .wait = left_of(waiter, clock_.now())};
}

std::vector<CellState> Gate::Impl::seen(const Sleeper& waiter) const {
  std::lock_guard lock(mutex_);
  return waiter.seen;
}

Result<bool> Gate::Impl::wait(Sleeper& waiter, milliseconds limit) {
  using Real = std::chrono::steady_clock;  // a thread sleeps in real time, whatever clock_ says
  const Real::time_point until = Real::now() + limit;
  std::unique_lock lock(mutex_);
  while (waiter.state == Waiter::State::waiting) {
    if (closed_) return closed();
    TimePoint now = clock_.now();
    if (now >= wake_of(waiter) || line_.is_stale(now)) {
      settle();
      if (waiter.state != Waiter::State::waiting) break;
    }
    auto left = std::chrono::ceil<milliseconds>(until - Real::now());
    if (left <= milliseconds(0)) return false;
    left = std::min(left, std::chrono::ceil<milliseconds>(wake_of(waiter) - now));
    waiter.bell.wait_for(lock, std::clamp(left, milliseconds(1), kLook));
  }
  if (waiter.state == Waiter::State::refused) return refusal(waiter, clock_.now());
  return true;
}

bool Gate::Impl::leave(Sleeper& waiter) {
  std::lock_guard lock(mutex_);
  if (waiter.state == Waiter::State::waiting && !closed_) {
    line_.leave(waiter);
    settle();
  }
  return waiter.state == Waiter::State::admitted;
}

Gate::Gate(std::unique_ptr<Limiter> limiter, const Clock& clock, GateOptions options)
    : impl_(std::make_unique<Impl>(std::move(limiter), clock, std::move(options))) {}
Gate::~Gate() = default;

void Gate::set_rules(Rules rules) { impl_->set_rules(std::move(rules)); }

void Gate::watch(const std::string& model, std::function<ModelPace()> pace) {
  impl_->watch(model, std::move(pace));
}

std::optional<CapacityState> Gate::capacity(const std::string& model) const {
  return impl_->capacity(model);
}

void Gate::set_history(std::function<Cost(const QuotaQuery&)> history) {
  impl_->book().set_history(std::move(history));
}

Result<Place> Gate::enter(const Entry& entry, std::vector<CellState>* cells) {
  auto state = impl_->enter(entry, cells);
  if (!state) return state.error();
  return Place(*std::move(state));
}

Quote Gate::quote(const Entry& entry) const { return impl_->quote(entry); }

size_t Gate::waiting() const { return impl_->waiting(); }
void Gate::close() { impl_->close(); }

}  // namespace weir::traffic
