#include <algorithm>
#include <cmath>

#include "traffic/permit_state.h"

namespace weir::traffic {
namespace {

constexpr int64_t kTopUp = 256;  // tokens of a completion that are paid in advance

}  // namespace

int64_t weighted_input(int64_t input_tokens, int64_t cached_tokens, double cached_weight) {
  const auto cached = static_cast<double>(std::min(cached_tokens, input_tokens));
  return input_tokens - std::llround((1 - cached_weight) * cached);
}

void Permit::State::use(int64_t input_tokens, int64_t output_tokens, int64_t cached_tokens) {
  if (!answers_ && reserved_.capacity > 0 && input_tokens > 0) {
    answers_ = true;
    gate_.first_token(model_, began_);
  }
  input_tokens = weighted_input(input_tokens, cached_tokens, gate_.book().cached_weight());
  used_.input_tokens = input_tokens;
  used_.output_tokens = output_tokens;
  if (settled_ || cells_->empty()) return;
  Cost more;
  more.input_tokens = std::max<int64_t>(0, input_tokens - reserved_.input_tokens);
  if (int64_t over = output_tokens - reserved_.output_tokens; over > 0) {
    more.output_tokens = (over + kTopUp - 1) / kTopUp * kTopUp;
  }
  if (more.input_tokens == 0 && more.output_tokens == 0) return;
  reserved_.input_tokens += more.input_tokens;
  reserved_.output_tokens += more.output_tokens;
  seen_ = gate_.adjust(cells_, more);
}

void Permit::State::settle(const Cost& used) {
  if (settled_) return;
  settled_ = true;
  if (cells_->empty()) return;
  seen_ = gate_.adjust(cells_, Cost{.requests = used.requests - reserved_.requests,
                                    .input_tokens = used.input_tokens - reserved_.input_tokens,
                                    .output_tokens = used.output_tokens - reserved_.output_tokens,
                                    .concurrent = used.concurrent - reserved_.concurrent});
}

Permit::Permit() = default;
Permit::Permit(Permit&&) noexcept = default;
Permit& Permit::operator=(Permit&&) noexcept = default;
Permit::~Permit() = default;
Permit::Permit(std::unique_ptr<State> state) : state_(std::move(state)) {}

void Permit::used(int64_t input_tokens, int64_t output_tokens, int64_t cached_tokens) {
  if (state_) state_->use(input_tokens, output_tokens, cached_tokens);
}

void Permit::refund_all() {
  if (state_) state_->refund_all();
}

const std::vector<CellState>& Permit::cells() const {
  static const std::vector<CellState> kNone;
  return state_ ? state_->seen() : kNone;
}

}  // namespace weir::traffic
