// BERT: learned positions and token types, LayerNorm after each half, attention both ways, GELU
// MLP. The reference is Hugging Face's modeling_bert.py.
#include <ATen/ops/add.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sub.h>

#include <cmath>

#include "arch/architectures.h"
#include "weir/folder/tables.h"
#include "weir/nn/embedding.h"
#include "weir/nn/gather.h"
#include "weir/nn/head_size.h"
#include "weir/nn/heads.h"
#include "weir/nn/norm.h"
#include "weir/nn/rows.h"

namespace weir::arch {
namespace {

using at::Tensor;
using nn::columns;
using nn::rows_of;

/// Of a head, whose last column is zero where config.json has an odd number.
int64_t computed_width(const nn::ConfigFile& config, const nn::Shape& shape) {
  return nn::padded_head_dim(config, "hidden_size / num_attention_heads", shape.head_dim);
}

nn::Shape describe(const nn::ConfigFile& config) {
  nn::Shape shape;
  shape.generates = false;
  shape.layers = config.size("num_hidden_layers");
  shape.hidden = config.size("hidden_size");
  shape.vocabulary = config.size("vocab_size");
  shape.heads = config.size("num_attention_heads");
  shape.max_positions = config.size("max_position_embeddings");
  shape.token_types = config.size("type_vocab_size", 2);
  if (shape.hidden % shape.heads)
    config.refuse("hidden_size " + std::to_string(shape.hidden) +
                  " is not a multiple of num_attention_heads " + std::to_string(shape.heads));
  shape.head_dim = shape.hidden / shape.heads;
  computed_width(config, shape);
  std::string positions = config.text("position_embedding_type", "absolute");
  if (positions != "absolute")
    config.refuse("position_embedding_type \"" + positions + "\" is not supported (absolute)");
  return shape;
}

nn::Activation activation_of(const nn::ConfigFile& config) {
  std::string name = config.text("hidden_act", "gelu");
  if (name == "gelu") return nn::Activation::gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast")
    return nn::Activation::gelu_tanh;
  config.refuse("hidden_act \"" + name +
                "\" is not supported (gelu, gelu_new, gelu_pytorch_tanh, gelu_fast)");
}

struct Layer {
  std::unique_ptr<nn::Linear> qkv, attention_out;
  nn::LayerNorm attention_norm;
  std::unique_ptr<nn::Linear> up, down;
  nn::LayerNorm mlp_norm;
};

class BertTrunk final : public nn::Trunk {
 public:
  BertTrunk(const nn::BuildArgs& args, const nn::Shape& shape, const std::string& prefix)
      : backend_(args.backend),
        shape_(shape),
        head_(computed_width(args.config, shape)),
        activation_(activation_of(args.config)),
        words_(args.backend,
               args.weights.get(prefix + "embeddings.word_embeddings.weight",
                                {shape.vocabulary, shape.hidden}),
               args.type),
        positions_(args.backend, position_table(args, prefix), args.type),
        types_(args.backend, type_table(args, prefix), args.type),
        embedding_norm_(norm(args, prefix + "embeddings.LayerNorm")) {
    for (int64_t i = 0; i < shape.layers; ++i)
      layers_.push_back(layer(args, prefix + "encoder.layer." + std::to_string(i) + "."));
  }

  nn::Hidden forward(const nn::Inputs& inputs, const nn::Cache&) const override {
    Tensor x = words_.forward(inputs.ids, inputs.ragged.tokens);  // (tokens, hidden)
    positions_.add_to(x, inputs.ragged.positions);
    if (inputs.types) types_.add_to(x, inputs.types);
    x = embedding_norm_.forward(x);
    nn::Hidden hidden{.last = {}, .layers = room_for_layers(inputs, x)};
    keep(hidden.layers, 0, x, inputs);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      Tensor attended = attention(layer, x, inputs);
      if (i + 1 == layers_.size() && inputs.inner.empty() && inputs.read) {
        attended = picked(attended, inputs);  // every token is on its own now
        x = picked(x, inputs);
      }
      x = layer.attention_norm.add_forward(layer.attention_out->forward(attended), x);
      x = layer.mlp_norm.add_forward(layer.down->forward(layer.up->forward(x, activation_)), x);
      keep(hidden.layers, i + 1, x, inputs);
    }
    hidden.last = inputs.inner.empty() || !inputs.read ? x : picked(x, inputs);
    return hidden;
  }
  bool gives_layers() const override { return true; }

 private:
  Tensor token_types(const nn::BuildArgs& args, const std::string& prefix) const {
    return args.weights
        .get(prefix + "embeddings.token_type_embeddings.weight",
             {shape_.token_types, shape_.hidden})
        .to(at::kFloat);
  }

  // A text alone is all of token type 0, so that type's vector is part of every position's.
  Tensor position_table(const nn::BuildArgs& args, const std::string& prefix) const {
    const Tensor positions = args.weights.get(prefix + "embeddings.position_embeddings.weight",
                                              {shape_.max_positions, shape_.hidden});
    return at::add(positions.to(at::kFloat), token_types(args, prefix).slice(0, 0, 1));
  }

  // What another type adds to that.
  Tensor type_table(const nn::BuildArgs& args, const std::string& prefix) const {
    const Tensor types = token_types(args, prefix);
    return at::sub(types, types.slice(0, 0, 1));
  }

  // (layers + 1, inner tokens, hidden); undefined where no row reads them.
  Tensor room_for_layers(const nn::Inputs& inputs, const Tensor& x) const {
    if (inputs.inner.empty()) return {};
    return at::empty({shape_.layers + 1, static_cast<int64_t>(inputs.inner.size()), x.size(1)},
                     x.options());
  }

  void keep(const Tensor& layers, size_t index, const Tensor& x, const nn::Inputs& inputs) const {
    if (layers.defined())
      backend_.ops().gather(rows_of(layers.select(0, static_cast<int64_t>(index))), rows_of(x),
                            inputs.inner);
  }

  Tensor picked(const Tensor& x, const nn::Inputs& inputs) const {
    if (inputs.hidden_rows() == x.size(0)) return x;
    return nn::gather(backend_, x, *inputs.read);
  }

  nn::LayerNorm norm(const nn::BuildArgs& args, const std::string& name) const {
    // Checkpoints made from TensorFlow's call them gamma and beta.
    const bool old = !args.weights.has(name + ".weight") && args.weights.has(name + ".gamma");
    return {args.backend, args.weights.get(name + (old ? ".gamma" : ".weight"), {shape_.hidden}),
            args.weights.get(name + (old ? ".beta" : ".bias"), {shape_.hidden}), args.type,
            args.config.not_negative("layer_norm_eps", 1e-12)};
  }

  std::unique_ptr<nn::Linear> linear(const nn::BuildArgs& args,
                                     std::initializer_list<std::string> names, int64_t out,
                                     int64_t in) const {
    nn::LinearSource source;
    for (const auto& name : names) {
      source.weights.push_back(args.weights.get(name + ".weight", {out, in}));
      source.biases.push_back(args.weights.get(name + ".bias", {out}));
    }
    return args.backend.linear(source, args.type);
  }

  Layer layer(const nn::BuildArgs& args, const std::string& prefix) const {
    int64_t hidden = shape_.hidden, inner = args.config.size("intermediate_size");
    return Layer{
        queries_keys_values(args, prefix + "attention.self."),
        attention_out(args, prefix + "attention.output.dense"),
        norm(args, prefix + "attention.output.LayerNorm"),
        linear(args, {prefix + "intermediate.dense"}, inner, hidden),
        linear(args, {prefix + "output.dense"}, hidden, inner),
        norm(args, prefix + "output.LayerNorm"),
    };
  }

  // Zeros behind each head add nothing to a score; the columns of values that they give meet
  // weights of zero.
  int64_t padding() const { return head_ - shape_.head_dim; }

  std::unique_ptr<nn::Linear> queries_keys_values(const nn::BuildArgs& args,
                                                  const std::string& self) const {
    const int64_t hidden = shape_.hidden;
    nn::LinearSource source;
    for (const char* part : {"query", "key", "value"}) {
      Tensor weight = args.weights.get(self + part + ".weight", {hidden, hidden}),
             bias = args.weights.get(self + part + ".bias", {hidden});
      weight = weight.view({shape_.heads, shape_.head_dim, hidden});
      bias = bias.view({shape_.heads, shape_.head_dim});
      source.weights.push_back(
          at::constant_pad_nd(weight, {0, 0, 0, padding()}).flatten(0, 1));  // (all, hidden)
      source.biases.push_back(at::constant_pad_nd(bias, {0, padding()}).flatten());
    }
    return args.backend.linear(source, args.type);
  }

  std::unique_ptr<nn::Linear> attention_out(const nn::BuildArgs& args,
                                            const std::string& name) const {
    const int64_t hidden = shape_.hidden;
    Tensor weight = args.weights.get(name + ".weight", {hidden, hidden}),
           bias = args.weights.get(name + ".bias", {hidden});
    weight = weight.view({hidden, shape_.heads, shape_.head_dim});
    weight = at::constant_pad_nd(weight, {0, padding()}).flatten(1);  // (hidden, all)
    return args.backend.linear({{weight}, {bias}}, args.type);
  }

  Tensor attention(const Layer& layer, const Tensor& x, const nn::Inputs& inputs) const {
    const int64_t all = shape_.heads * head_;
    Tensor qkv = layer.qkv->forward(x);  // (tokens, 3 all)
    kernels::Rows rows = rows_of(qkv);
    Tensor out = at::empty({x.size(0), all}, x.options());
    backend_.ops().ragged_attention(
        rows_of(out), columns(rows, 0, all), columns(rows, all, all), columns(rows, 2 * all, all),
        inputs.ragged, static_cast<int32_t>(head_),
        {.scale = 1 / std::sqrt(static_cast<float>(shape_.head_dim)), .causal = false});
    return out;
  }

  nn::Backend& backend_;
  nn::Shape shape_;
  const int64_t head_;  // columns of a head
  nn::Activation activation_;
  nn::Embedding words_, positions_, types_;
  nn::LayerNorm embedding_norm_;
  std::vector<Layer> layers_;
};

/// BertModel saves its tensors bare; a checkpoint of BERT with a task head puts "bert." before
/// them.
std::string prefix_of(const nn::Weights& weights) {
  if (weights.has("embeddings.word_embeddings.weight")) return "";
  const bool has_head = weights.has("bert.embeddings.word_embeddings.weight") ||
                        weights.has("bert.encoder.layer.0.attention.self.query.weight");
  return has_head ? "bert." : "";
}

nn::Model build(const nn::BuildArgs& args) {
  nn::Model model;
  model.shape = describe(args.config);
  const std::string prefix = prefix_of(args.weights);
  model.trunk = std::make_unique<BertTrunk>(args, model.shape, prefix);
  nn::PoolingPlan pooling = nn::sentence_pooling(args.directory);
  model.notes = pooling.notes;
  model.heads.push_back(nn::make_pool_head(args.backend, std::move(pooling)));
  nn::add_checkpoint_heads(model, args, prefix);
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
