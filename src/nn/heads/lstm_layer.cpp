// One LSTM layer of one or two directions, as torch.nn.LSTM computes and names it.
#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include "nn/heads/head_layer.h"
#include "weir/nn/rows.h"

namespace weir::nn {
namespace {

class LstmLayer final : public HeadLayer {
 public:
  LstmLayer(Backend& backend, const LinearSource& inputs, at::Tensor recurrent)
      : backend_(backend),
        inputs_(backend.linear(inputs, at::kFloat)),
        recurrent_(std::move(recurrent)) {}

  at::Tensor forward(const at::Tensor& x, std::span<const int32_t> begins,
                     const Pass& pass) const override {
    const int64_t directions = recurrent_.size(0), width = recurrent_.size(1);
    const at::Tensor gates = inputs_->logits(x, pass);  // (lines, directions * 4 width)
    at::Tensor out = at::empty({x.size(0), directions * width}, gates.options());
    backend_.ops().lstm(rows_of(out), rows_of(gates), begins,
                        {.width = static_cast<int32_t>(width),
                         .directions = static_cast<int32_t>(directions),
                         .recurrent = recurrent_.const_data_ptr<float>()});
    return out;
  }

 private:
  Backend& backend_;
  std::unique_ptr<Linear> inputs_;  // W_ih x + b_ih + b_hh
  at::Tensor recurrent_;            // (directions, width, 4 width) float32
};

/// The tensors of an entry by their part in torch.nn.LSTM: "weight_hh_l0_reverse".
class Parameters {
 public:
  Parameters(const ConfigFile& entry, HeadTensors& tensors)
      : entry_(entry), names_(texts_of(entry, "parameters")), tensors_(tensors) {}

  at::Tensor get(const std::string& part, at::IntArrayRef shape) const {
    for (const std::string& name : names_) {
      if (!name.ends_with(part)) continue;
      if (const auto shapes = entry_.object("parameter_shapes"))
        check_shape(*shapes, name.c_str(), shape);
      return tensors_.get(name, shape);
    }
    entry_.refuse("parameters names no tensor that ends with " + part);
  }

 private:
  const ConfigFile& entry_;
  const std::vector<std::string> names_;
  HeadTensors& tensors_;
};

void check_order(const ConfigFile& entry) {
  if (!entry.has("gate_order")) entry.refuse("gate_order is missing");
  check_wording(entry, "gate_order",
                {"i,f,g,o",
                 "i,f,g,o (PyTorch: rows [0,H) input, [H,2H) forget, [2H,3H) cell, [3H,4H) "
                 "output)"});
  const int64_t layers = entry.size("num_layers", 1);
  if (layers != 1)
    entry.refuse("num_layers is " + std::to_string(layers) + "; only 1 is supported");
}

void check_wordings(const ConfigFile& entry) {
  check_wording(entry, "formula",
                {"torch.nn.LSTM",
                 "z = W_ih x_t + b_ih + W_hh h + b_hh; c = sigmoid(f)*c + sigmoid(i)*tanh(g); h = "
                 "sigmoid(o)*tanh(c); h = c = 0 at the start; the _reverse direction runs from the "
                 "last word to the first"});
  check_wording(entry, "output", {"concat", "per word: concat(forward h, reverse h)"});
}

}  // namespace

std::unique_ptr<HeadLayer> make_lstm_layer(const HeadLayerArgs& args, const ConfigFile& entry,
                                           int64_t& columns) {
  if (args.on_gpu) entry.refuse("type \"lstm\" is computed on processors only, not on a GPU");
  check_order(entry);
  check_wordings(entry);
  check_size(entry, "input_size", columns, "what comes in has");
  const int64_t width = entry.size("hidden_size");
  constexpr int64_t kMost = 1 << 16;  // its square is counted in 64 bits
  if (width > kMost)
    entry.refuse("hidden_size is " + std::to_string(width) + "; at most " + std::to_string(kMost) +
                 " is possible");
  const Parameters parameters(entry, args.tensors);
  LinearSource inputs;
  std::vector<at::Tensor> recurrent;
  std::vector<std::string> directions{"_l0"};
  if (entry.boolean("bidirectional", false)) directions.push_back("_l0_reverse");
  for (const std::string& direction : directions) {
    inputs.weights.push_back(parameters.get("weight_ih" + direction, {4 * width, columns}));
    inputs.biases.push_back(at::add(parameters.get("bias_ih" + direction, {4 * width}),
                                    parameters.get("bias_hh" + direction, {4 * width})));
    recurrent.push_back(parameters.get("weight_hh" + direction, {4 * width, width}).t());
  }
  columns = static_cast<int64_t>(directions.size()) * width;
  return std::make_unique<LstmLayer>(args.backend, inputs, at::stack(recurrent).contiguous());
}

}  // namespace weir::nn
