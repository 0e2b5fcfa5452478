#include "weir/traffic/gate.h"

#include <algorithm>

#include "traffic/permit_state.h"
#include "weir/traffic/duration.h"

namespace weir::traffic {
namespace {

using std::chrono::milliseconds;

// How often a waiting thread asks whether its client is still there.
constexpr milliseconds kLook{100};

std::string id_of(const std::string& owner, const Limit& limit) {
  constexpr const char* kUnits[] = {"requests", "tokens", "input_tokens", "output_tokens"};
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

Result<void> Gate::Impl::wait(Sleeper& waiter, const Entry& entry,
                              std::unique_lock<std::mutex>& lock) {
  line_.join(waiter);
  settle();
  while (waiter.state == Waiter::State::waiting) {
    if (closed_) return closed();
    auto left = std::chrono::ceil<milliseconds>(waiter.due - clock_.now());
    waiter.bell.wait_for(lock, std::clamp(left, milliseconds(1), kLook));
    if (waiter.state != Waiter::State::waiting || closed_) continue;
    if (entry.gone) {
      lock.unlock();
      bool gone = entry.gone();
      lock.lock();
      if (gone && waiter.state == Waiter::State::waiting && !closed_) {
        line_.leave(waiter);
        settle();
        return Error{.code = Code::cancelled, .message = "the client left while it waited"};
      }
    }
    if (waiter.state == Waiter::State::waiting && clock_.now() >= waiter.due) settle();
  }
  return {};
}

Result<std::unique_ptr<Permit::State>> Gate::Impl::enter(const Entry& entry,
                                                         std::vector<CellState>* cells) {
  Sleeper waiter;
  waiter.client = entry.key->name;
  waiter.model = entry.model;
  waiter.cost = entry.cost;
  waiter.cells = cells_of("key:" + waiter.client, entry.key->limits);
  waiter.key_cells = waiter.cells.size();

  std::unique_lock lock(mutex_);
  if (closed_) return closed();
  if (auto own = model_cells_.find(entry.model); own != model_cells_.end()) {
    waiter.cells.insert(waiter.cells.end(), own->second.begin(), own->second.end());
  }
  TimePoint now = clock_.now();
  waiter.deadline = now + entry.max_wait;
  for (size_t i = 0; i < waiter.cells.size(); ++i) {
    const Limit& limit = waiter.cells[i].limit;
    if (waiter.cost.of(limit.unit) <= limit.cap) continue;
    waiter.blocker = waiter.cells[i];
    if (cells != nullptr) *cells = limiter_->adjust(waiter.cells, Cost{}, now);
    return never_fits(waiter);
  }
  if (waiter.cells.empty()) {
    waiter.state = Waiter::State::admitted;
  } else if (line_.free_for(waiter.client, waiter.model)) {
    try_at_once(waiter, now);
  }
  if (waiter.state == Waiter::State::waiting) {
    if (auto waited = wait(waiter, entry, lock); !waited) return waited.error();
    now = clock_.now();
  }
  lock.unlock();
  if (cells != nullptr) *cells = waiter.seen;
  if (waiter.state == Waiter::State::refused) return refusal(waiter, now);
  return std::make_unique<Permit::State>(*this, std::move(waiter.cells), std::move(waiter.seen),
                                         entry.cost);
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

Gate::Gate(std::unique_ptr<Limiter> limiter, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(limiter), clock)) {}
Gate::~Gate() = default;

void Gate::set_models(std::vector<ModelLimits> models) { impl_->set_models(std::move(models)); }

Result<Permit> Gate::enter(const Entry& entry, std::vector<CellState>* cells) {
  auto state = impl_->enter(entry, cells);
  if (!state) return state.error();
  return Permit(*std::move(state));
}

size_t Gate::waiting() const { return impl_->waiting(); }
void Gate::close() { impl_->close(); }

}  // namespace weir::traffic
