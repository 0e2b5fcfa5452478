#include "traffic/permit_state.h"

namespace weir::traffic {

Place::State::~State() {
  if (!taken_ && gate_.leave(waiter_) && !waiter_.cells->empty()) {
    Permit::State(gate_, waiter_).refund_all();
  }
}

Place::Place(Place&&) noexcept = default;
Place& Place::operator=(Place&&) noexcept = default;
Place::~Place() = default;
Place::Place(std::unique_ptr<State> state) : state_(std::move(state)) {}

bool Place::admitted() const { return state_->gate().admitted(state_->waiter()); }

Standing Place::standing() const { return state_->gate().standing(state_->waiter()); }

Result<bool> Place::wait(std::chrono::milliseconds limit) {
  return state_->gate().wait(state_->waiter(), limit);
}

Permit Place::take() {
  state_->hand_over();
  return Permit(std::make_unique<Permit::State>(state_->gate(), state_->waiter()));
}

std::vector<CellState> Place::cells() const { return state_->gate().seen(state_->waiter()); }

}  // namespace weir::traffic
