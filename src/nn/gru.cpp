#include "weir/nn/gru.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

#include "weir/nn/gather.h"
#include "weir/nn/rows.h"

namespace weir::nn {
namespace {

/// The rows of a step, those with more tokens first: whatever t, the rows that have a token t are
/// the first ones.
class Order {
 public:
  explicit Order(const kernels::Ragged& ragged)
      : begins_(ragged.q_begin_host), rows_(static_cast<size_t>(ragged.rows)) {
    std::iota(rows_.begin(), rows_.end(), 0);
    std::ranges::stable_sort(rows_, std::greater(), [&](int32_t row) { return length(row); });
  }

  int32_t row(int64_t place) const { return rows_[static_cast<size_t>(place)]; }
  int32_t length(int32_t row) const { return begins_[row + 1] - begins_[row]; }
  int32_t longest() const { return rows_.empty() ? 0 : length(rows_.front()); }
  int64_t with_token(int32_t t) const {
    return std::ranges::partition_point(rows_, [&](int32_t row) { return length(row) > t; }) -
           rows_.begin();
  }
  /// Token t of each row that has one.
  std::vector<int32_t> tokens(int32_t t) const {
    std::vector<int32_t> tokens;
    for (int64_t i = 0; i < with_token(t); ++i) tokens.push_back(begins_[row(i)] + t);
    return tokens;
  }

 private:
  const int32_t* begins_;
  std::vector<int32_t> rows_;
};

std::unique_ptr<Linear> gates(const Builder& model, const std::string& end, int64_t width,
                              int64_t in) {
  return model.backend().linear({.weights = {model.tensor("weight" + end, {3 * width, in})},
                                 .biases = {model.tensor("bias" + end, {3 * width})}},
                                model.type());
}

}  // namespace

Gru::Gru(const Builder& model, int64_t layer, const Sizes& sizes)
    : width_(sizes.width),
      first_(layer * sizes.width),
      inputs_(gates(model, "_ih_l" + std::to_string(layer), sizes.width, sizes.columns)),
      states_(gates(model, "_hh_l" + std::to_string(layer), sizes.width, sizes.width)) {}

at::Tensor Gru::slot(const Pass& pass, int32_t row) const {
  return pass.state.slots.select(0, pass.inputs.slots[static_cast<size_t>(row)])
      .narrow(0, first_, width_);
}

at::Tensor Gru::forward(const at::Tensor& x, const Pass& pass) const {
  const kernels::Ragged& ragged = pass.inputs.ragged;
  const Order order(ragged);
  const at::Tensor of_inputs = inputs_->logits(x, pass);  // (tokens, 3 width) float32
  at::Tensor state = at::zeros({ragged.rows, width_}, of_inputs.options());
  for (int32_t i = 0; i < ragged.rows; ++i) {
    const int32_t row = order.row(i);
    if (ragged.kv_length_host[row] > order.length(row)) state.select(0, i).copy_(slot(pass, row));
  }
  at::Tensor states = at::empty({x.size(0), width_}, of_inputs.options());  // by t, then by row
  std::vector<int32_t> places(static_cast<size_t>(x.size(0)));              // of tokens in `states`
  int64_t done = 0;
  for (int32_t t = 0; t < order.longest(); ++t) {
    const std::vector<int32_t> tokens = order.tokens(t);
    const auto rows = static_cast<int64_t>(tokens.size());
    state = state.narrow(0, 0, rows);
    at::Tensor next = states.narrow(0, done, rows);
    const at::Tensor of_states = states_->logits(state.to(x.scalar_type()), pass);
    const at::Tensor of_tokens = gather(pass.backend, of_inputs, tokens);
    pass.backend.ops().gru(rows_of(next), rows_of(of_tokens), rows_of(of_states), rows_of(state));
    for (int64_t i = 0; i < rows; ++i)
      places[static_cast<size_t>(tokens[static_cast<size_t>(i)])] = static_cast<int32_t>(done + i);
    for (int64_t i = order.with_token(t + 1); i < rows; ++i)
      slot(pass, order.row(i)).copy_(next.select(0, i));
    state = next;
    done += rows;
  }
  at::Tensor out = at::empty({x.size(0), width_}, x.options());
  pass.backend.ops().gather(rows_of(out), rows_of(states), places);
  return out;
}

}  // namespace weir::nn
