#include "arch/bert_trunk.h"

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sub.h>

#include <cmath>

#include "weir/nn/attention.h"
#include "weir/nn/inner_states.h"
#include "weir/nn/mlp.h"

namespace weir::arch {
namespace {

using at::Tensor;

struct Layer {
  std::unique_ptr<nn::Linear> qkv, attention_out;
  nn::LayerNorm attention_norm;
  nn::Mlp mlp;
  nn::LayerNorm mlp_norm;
};

Layer make_layer(const nn::Builder& layer, const BertPlan& plan, const nn::Heads& heads) {
  const int64_t hidden = plan.shape.hidden;
  const BertNames& names = plan.names;
  return {.qkv = layer.linear({{names.query, hidden}, {names.key, hidden}, {names.value, hidden}},
                              {.in = hidden, .bias = true, .outputs = heads.padding()}),
          .attention_out = layer.linear({{names.attention_out, hidden}},
                                        {.in = hidden, .bias = true, .inputs = heads.padding()}),
          .attention_norm = layer.layer_norm(names.attention_norm, hidden, plan.eps),
          .mlp = {.up = layer.linear({{names.up, plan.inner}}, {.in = hidden, .bias = true}),
                  .down = layer.linear({{names.down, hidden}}, {.in = plan.inner, .bias = true}),
                  .activation = plan.activation},
          .mlp_norm = layer.layer_norm(names.mlp_norm, hidden, plan.eps)};
}

/// Computed in double, as the reference does it.
Tensor sinusoids(const nn::ConfigFile& config, int64_t positions, int64_t hidden) {
  constexpr int64_t kMost = 1 << 16;
  if (positions > kMost)
    config.refuse("max_position_embeddings is " + std::to_string(positions) +
                  "; without a table of them in the checkpoint 1 to " + std::to_string(kMost) +
                  " positions are computed");
  Tensor table = at::empty({positions, hidden}, at::kFloat);
  float* to = table.mutable_data_ptr<float>();
  for (int64_t position = 0; position < positions; ++position)
    for (int64_t column = 0; column < hidden; ++column) {
      const auto pair = static_cast<double>(column / 2 * 2);
      const double angle =
          static_cast<double>(position) / std::pow(10000, pair / static_cast<double>(hidden));
      *to++ = static_cast<float>(column % 2 ? std::cos(angle) : std::sin(angle));
    }
  return table;
}

class BertTrunk final : public nn::Trunk {
 public:
  BertTrunk(const nn::Builder& model, const BertPlan& plan)
      : heads_(nn::Heads::of(plan.shape)),
        words_(model.embedding("embeddings.word_embeddings", plan.shape.vocabulary,
                               plan.shape.hidden)),
        positions_(model.backend(), position_table(model, plan), model.type()),
        embedding_norm_(model.layer_norm("embeddings.LayerNorm", plan.shape.hidden, plan.eps)) {
    if (plan.typed) types_.emplace(model.backend(), type_table(model, plan.shape), model.type());
    if (plan.bias)
      bias_.emplace(model, "encoder.relative_attention_bias", plan.shape.heads, *plan.bias);
    for (int64_t i = 0; i < plan.shape.layers; ++i)
      layers_.push_back(make_layer(model.layer(plan.names.layers, i), plan, heads_));
  }

  nn::Hidden forward(const nn::Pass& pass) const override {
    const nn::Inputs& inputs = pass.inputs;
    Tensor x = words_.forward(inputs.ids, inputs.ragged.tokens);  // (tokens, hidden)
    positions_.add_to(x, inputs.ragged.positions);
    if (types_ && inputs.types) types_->add_to(x, inputs.types);
    x = embedding_norm_.forward(x);
    nn::InnerStates inner(pass, static_cast<int64_t>(layers_.size()), x);
    inner.keep(x);
    kernels::Attention attention{.scale = heads_.scale(), .causal = false};
    if (bias_) attention.bias = bias_->view();
    for (const Layer& layer : layers_) {
      Tensor attended =
          nn::attend_rows(pass, inputs.ragged, layer.qkv->forward(x, pass), heads_, attention);
      if (&layer == &layers_.back() && inputs.inner.empty()) nn::keep_read(pass, {&attended, &x});
      x = layer.attention_norm.add_forward(layer.attention_out->forward(attended, pass), x);
      x = layer.mlp_norm.add_forward(layer.mlp.forward(x, pass), x);
      inner.keep(x);
    }
    nn::keep_read(pass, {&x});
    return {.last = x, .layers = inner.states()};
  }
  bool gives_layers() const override { return true; }

 private:
  static Tensor token_types(const nn::Builder& model, const nn::Shape& shape) {
    return model
        .tensor("embeddings.token_type_embeddings.weight", {shape.token_types, shape.hidden})
        .to(at::kFloat);
  }

  static Tensor positions(const nn::Builder& model, const BertPlan& plan) {
    const std::string name = "embeddings.position_embeddings.weight";
    const int64_t rows = plan.unused_positions + plan.shape.max_positions;
    if (plan.sinusoidal && !model.has(name))
      return sinusoids(model.config(), rows, plan.shape.hidden);
    return model.tensor(name, {rows, plan.shape.hidden}).to(at::kFloat);
  }

  // A text alone is all of token type 0, so that type's vector is part of every position's.
  static Tensor position_table(const nn::Builder& model, const BertPlan& plan) {
    const Tensor used = positions(model, plan).slice(0, plan.unused_positions);
    return plan.typed ? at::add(used, token_types(model, plan.shape).slice(0, 0, 1)) : used;
  }

  // What another type adds to that.
  static Tensor type_table(const nn::Builder& model, const nn::Shape& shape) {
    const Tensor types = token_types(model, shape);
    return at::sub(types, types.slice(0, 0, 1));
  }

  const nn::Heads heads_;
  nn::Embedding words_, positions_;
  std::optional<nn::Embedding> types_;
  nn::LayerNorm embedding_norm_;
  std::optional<nn::DistanceBias> bias_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<nn::Trunk> make_bert_trunk(const nn::Builder& model, const BertPlan& plan) {
  return std::make_unique<BertTrunk>(model, plan);
}

}  // namespace weir::arch
