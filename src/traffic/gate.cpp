#include "weir/traffic/gate.h"

#include <algorithm>

#include "traffic/permit_state.h"
#include "weir/traffic/duration.h"

namespace weir::traffic {
namespace {

using std::chrono::milliseconds;

// The longest sleep: a clock may jump.
constexpr milliseconds kLook{100};

std::string id_of(const std::string& owner, const Limit& limit) {
  constexpr const char* kUnits[] = {"requests", "tokens", "input_tokens", "output_tokens",
                                    "concurrent"};
  return owner + "/" + kUnits[static_cast<size_t>(limit.unit)] + "/" + to_string(limit.window);
}

std::vector<Cell> cells_of(const std::string& owner, const std::vector<Limit>& limits) {
  std::vector<Cell> cells;
  for (const Limit& limit : limits) cells.push_back({id_of(owner, limit), limit});
  return cells;
}

Error closed() {
  return Error{.code = Code::unavailable,
               .message = "the server is shutting down and takes no new requests"};
}

}  // namespace

void Gate::Impl::set_models(std::vector<ModelLimits> models) {
  std::map<std::string, std::vector<Cell>> cells;
  for (const ModelLimits& model : models) {
    cells[model.name] = cells_of("model:" + model.name, model.limits);
  }
  std::lock_guard lock(mutex_);
  model_cells_ = std::move(cells);
}

void Gate::Impl::set_pace(const std::string& model, const Pace& pace) {
  std::lock_guard lock(mutex_);
  paces_[model] = pace;
}

void Gate::Impl::set_history(std::function<Cost(const QuotaQuery&)> history) {
  std::lock_guard lock(mutex_);
  history_ = std::move(history);
}

void Gate::Impl::try_at_once(Sleeper& waiter, TimePoint now) {
  Decision decision = limiter_->take(waiter.cells, waiter.cost, now);
  waiter.seen = std::move(decision.cells);
  if (decision.worst >= 0) waiter.blocker = waiter.cells[static_cast<size_t>(decision.worst)];
  waiter.due = now + decision.retry_in;
  if (decision.kind == Decision::Kind::taken) waiter.state = Waiter::State::admitted;
  if (decision.kind == Decision::Kind::later && waiter.due > waiter.deadline) {
    waiter.state = Waiter::State::refused;
  }
}

void Gate::Impl::settle() {
  if (line_.size() == 0) return;
  // A waiter's memory stays while the mutex is held: it wakes only after.
  for (Waiter* waiter : line_.settle(clock_.now()))
    static_cast<Sleeper*>(waiter)->bell.notify_one();
}

void Gate::Impl::describe(Sleeper& waiter, const Entry& entry) const {
  waiter.client = entry.key->name;
  waiter.model = entry.model;
  waiter.cost = entry.cost;
  waiter.cells = cells_of("key:" + waiter.client, entry.key->limits);
  waiter.key_cells = waiter.cells.size();
  if (auto own = model_cells_.find(entry.model); own != model_cells_.end()) {
    waiter.cells.insert(waiter.cells.end(), own->second.begin(), own->second.end());
  }
}

std::optional<Error> Gate::Impl::impossible(Sleeper& waiter) const {
  for (const Cell& cell : waiter.cells) {
    if (waiter.cost.of(cell.limit.unit) <= cell.limit.cap) continue;
    waiter.blocker = cell;
    return never_fits(waiter);
  }
  return std::nullopt;
}

Result<std::unique_ptr<Place::State>> Gate::Impl::enter(const Entry& entry,
                                                        std::vector<CellState>* cells) {
  auto place = std::make_unique<Place::State>(*this);
  Sleeper& waiter = place->waiter();
  std::unique_lock lock(mutex_);
  if (closed_) return closed();
  describe(waiter, entry);
  TimePoint now = clock_.now();
  waiter.deadline = now + entry.max_wait;
  if (auto error = impossible(waiter)) {
    if (cells != nullptr) *cells = limiter_->adjust(waiter.cells, Cost{}, now);
    lock.unlock();
    return *error;
  }
  if (waiter.cells.empty()) {
    waiter.state = Waiter::State::admitted;
  } else if (line_.free_for(waiter.client, waiter.model)) {
    try_at_once(waiter, now);
  }
  if (waiter.state == Waiter::State::waiting) {
    line_.join(waiter);
    settle();
  }
  if (cells != nullptr) *cells = waiter.seen;
  lock.unlock();
  if (waiter.state == Waiter::State::refused) return refusal(waiter, now);
  return place;
}

Quote Gate::Impl::quote(const Entry& entry) {
  Sleeper waiter;
  std::lock_guard lock(mutex_);
  Quote quote{.cost = entry.cost};
  if (closed_) {
    quote.refusal = closed();
    return quote;
  }
  describe(waiter, entry);
  TimePoint now = clock_.now();
  waiter.deadline = now + entry.max_wait;
  quote.cells = limiter_->adjust(waiter.cells, Cost{}, now);
  quote.refusal = impossible(waiter);
  if (quote.refusal || waiter.cells.empty()) return quote;
  line_.foretell(waiter, now);
  quote.wait = std::chrono::ceil<milliseconds>(waiter.due - now);
  if (waiter.due > waiter.deadline) quote.refusal = refusal(waiter, now);
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

std::vector<CellState> Gate::Impl::adjust(const std::vector<Cell>& cells, const Cost& change) {
  auto seen = limiter_->adjust(cells, change, clock_.now());
  std::lock_guard lock(mutex_);
  settle();
  return seen;
}

bool Gate::Impl::admitted(const Sleeper& waiter) const {
  std::lock_guard lock(mutex_);
  return waiter.state == Waiter::State::admitted;
}

Standing Gate::Impl::standing(const Sleeper& waiter) const {
  std::lock_guard lock(mutex_);
  if (waiter.state != Waiter::State::waiting) return {};
  auto left = std::chrono::ceil<milliseconds>(waiter.due - clock_.now());
  return {.place = line_.place_of(waiter), .wait = std::max(left, milliseconds(0))};
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
    if (now >= waiter.due) {
      settle();
      if (waiter.state != Waiter::State::waiting) break;
    }
    auto left = std::chrono::ceil<milliseconds>(until - Real::now());
    if (left <= milliseconds(0)) return false;
    left = std::min(left, std::chrono::ceil<milliseconds>(waiter.due - now));
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

Gate::Gate(std::unique_ptr<Limiter> limiter, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(limiter), clock)) {}
Gate::~Gate() = default;

void Gate::set_models(std::vector<ModelLimits> models) { impl_->set_models(std::move(models)); }

void Gate::set_pace(const std::string& model, const Pace& pace) { impl_->set_pace(model, pace); }

void Gate::set_history(std::function<Cost(const QuotaQuery&)> history) {
  impl_->set_history(std::move(history));
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
