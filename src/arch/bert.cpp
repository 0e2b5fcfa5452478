// BERT: learned positions and token types, LayerNorm after each half, attention both ways, GELU
// MLP. The reference is Hugging Face's modeling_bert.py.
#include <ATen/ops/add.h>
#include <ATen/ops/sub.h>

#include "arch/architectures.h"
#include "weir/folder/tables.h"
#include "weir/nn/activation.h"
#include "weir/nn/attention.h"
#include "weir/nn/heads.h"
#include "weir/nn/inner_states.h"
#include "weir/nn/mlp.h"

namespace weir::arch {
namespace {

using at::Tensor;

nn::Shape describe(const nn::ConfigFile& config) {
  nn::Shape shape = nn::Shape::read(config);
  shape.generates = false;
  shape.token_types = config.size("type_vocab_size", 2);
  shape.split_hidden(config, "hidden_size", "num_attention_heads");
  std::string positions = config.text("position_embedding_type", "absolute");
  if (positions != "absolute")
    config.refuse("position_embedding_type \"" + positions + "\" is not supported (absolute)");
  return shape;
}

struct Layer {
  std::unique_ptr<nn::Linear> qkv, attention_out;
  nn::LayerNorm attention_norm;
  nn::Mlp mlp;
  nn::LayerNorm mlp_norm;
};

Layer make_layer(const nn::Builder& layer, int64_t hidden, const nn::Heads& heads) {
  const int64_t inner = layer.config().size("intermediate_size");
  const double eps = layer.config().not_negative("layer_norm_eps", 1e-12);
  const nn::Builder self = layer.under("attention.self.");
  return {.qkv = self.linear({{"query", hidden}, {"key", hidden}, {"value", hidden}},
                             {.in = hidden, .bias = true, .outputs = heads.padding()}),
          .attention_out = layer.linear({{"attention.output.dense", hidden}},
                                        {.in = hidden, .bias = true, .inputs = heads.padding()}),
          .attention_norm = layer.layer_norm("attention.output.LayerNorm", hidden, eps),
          .mlp = {.up = layer.linear({{"intermediate.dense", inner}}, {.in = hidden, .bias = true}),
                  .down = layer.linear({{"output.dense", hidden}}, {.in = inner, .bias = true}),
                  .activation = nn::activation_of(layer.config(), "hidden_act", "gelu")},
          .mlp_norm = layer.layer_norm("output.LayerNorm", hidden, eps)};
}

class BertTrunk final : public nn::Trunk {
 public:
  BertTrunk(const nn::Builder& model, const nn::Shape& shape)
      : heads_(nn::Heads::of(shape)),
        words_(model.embedding("embeddings.word_embeddings", shape.vocabulary, shape.hidden)),
        positions_(model.backend(), position_table(model, shape), model.type()),
        types_(model.backend(), type_table(model, shape), model.type()),
        embedding_norm_(model.layer_norm("embeddings.LayerNorm", shape.hidden,
                                         model.config().not_negative("layer_norm_eps", 1e-12))) {
    for (int64_t i = 0; i < shape.layers; ++i)
      layers_.push_back(make_layer(model.layer("encoder.layer", i), shape.hidden, heads_));
  }

  nn::Hidden forward(const nn::Pass& pass) const override {
    const nn::Inputs& inputs = pass.inputs;
    Tensor x = words_.forward(inputs.ids, inputs.ragged.tokens);  // (tokens, hidden)
    positions_.add_to(x, inputs.ragged.positions);
    if (inputs.types) types_.add_to(x, inputs.types);
    x = embedding_norm_.forward(x);
    nn::InnerStates inner(pass, static_cast<int64_t>(layers_.size()), x);
    inner.keep(x);
    for (const Layer& layer : layers_) {
      Tensor attended = nn::attend_rows(pass, inputs.ragged, layer.qkv->forward(x, pass), heads_,
                                        {.scale = heads_.scale(), .causal = false});
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

  // A text alone is all of token type 0, so that type's vector is part of every position's.
  static Tensor position_table(const nn::Builder& model, const nn::Shape& shape) {
    const Tensor positions =
        model.tensor("embeddings.position_embeddings.weight", {shape.max_positions, shape.hidden});
    return at::add(positions.to(at::kFloat), token_types(model, shape).slice(0, 0, 1));
  }

  // What another type adds to that.
  static Tensor type_table(const nn::Builder& model, const nn::Shape& shape) {
    const Tensor types = token_types(model, shape);
    return at::sub(types, types.slice(0, 0, 1));
  }

  const nn::Heads heads_;
  nn::Embedding words_, positions_, types_;
  nn::LayerNorm embedding_norm_;
  std::vector<Layer> layers_;
};

/// BertModel saves its tensors bare; a checkpoint of BERT with a task head puts "bert." before
/// them.
std::string prefix_of(const nn::Builder& model) {
  if (model.has("embeddings.word_embeddings.weight")) return "";
  const bool has_head = model.has("bert.embeddings.word_embeddings.weight") ||
                        model.has("bert.encoder.layer.0.attention.self.query.weight");
  return has_head ? "bert." : "";
}

nn::Model build(const nn::Builder& whole) {
  nn::Model model;
  model.shape = describe(whole.config());
  const std::string prefix = prefix_of(whole);
  model.trunk = std::make_unique<BertTrunk>(whole.under(prefix), model.shape);
  nn::PoolingPlan pooling = nn::sentence_pooling(whole.directory());
  model.notes = pooling.notes;
  model.heads.push_back(nn::make_pool_head(whole.backend(), std::move(pooling)));
  nn::add_checkpoint_heads(model, whole, prefix);
  return model;
}

}  // namespace

nn::Architecture bert() {
  return {.name = "BertModel",
          .model_type = "bert",
          .other_names = {"BertForMaskedLM", "BertForPreTraining", "BertLMHeadModel",
                          "BertForNextSentencePrediction", "BertForSequenceClassification",
                          "BertForTokenClassification", "BertForQuestionAnswering",
                          "BertForMultipleChoice"},
          .fields = folder::bert_config_fields(),
          .describe = describe,
          .build = build,
          .unread = {"position_ids", "pooler.dense.", "cls.predictions.", "cls.seq_relationship."}};
}

}  // namespace weir::arch
