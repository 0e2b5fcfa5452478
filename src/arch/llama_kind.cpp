#include "arch/llama_kind.h"

#include <ATen/ops/empty.h>

#include <cmath>
#include <optional>

#include "weir/folder/tables.h"
#include "weir/nn/embedding.h"
#include "weir/nn/gather.h"
#include "weir/nn/head_size.h"
#include "weir/nn/heads.h"
#include "weir/nn/norm.h"
#include "weir/nn/rope.h"
#include "weir/nn/rows.h"

namespace weir::arch {
namespace {

using at::Tensor;
using nn::columns;
using nn::rows_of;

nn::Shape describe(const nn::ConfigFile& config, const LlamaTraits& traits) {
  nn::Shape shape;
  shape.layers = config.size("num_hidden_layers");
  shape.hidden = config.size("hidden_size");
  shape.vocabulary = config.size("vocab_size");
  shape.heads = config.size("num_attention_heads");
  shape.kv_heads = config.size("num_key_value_heads", shape.heads);
  shape.max_positions = config.size("max_position_embeddings");
  if (shape.heads % shape.kv_heads)
    config.refuse("num_attention_heads " + std::to_string(shape.heads) +
                  " is not a multiple of num_key_value_heads " + std::to_string(shape.kv_heads));
  shape.tied = config.boolean("tie_word_embeddings", false);
  shape.max_positions = nn::rope_reach(config, shape.max_positions);
  int64_t head_dim = traits.head_dim ? traits.head_dim : shape.hidden / shape.heads;
  shape.head_dim = config.integer("head_dim", head_dim);
  const bool named = config.has("head_dim") || traits.head_dim;
  nn::check_head_dim(config, named ? "head_dim" : "hidden_size / num_attention_heads",
                     shape.head_dim);
  std::string activation = config.text("hidden_act", "silu");
  if (activation != "silu" && activation != "swish")
    config.refuse("hidden_act \"" + activation + "\" is not supported (silu)");
  if (config.boolean("use_sliding_window", false))
    config.refuse("use_sliding_window true is not supported");
  return shape;
}

/// A trunk saved alone has no "model." before the names of its tensors.
std::string prefix_of(const nn::BuildArgs& args) {
  const nn::Weights& weights = args.weights;
  if (weights.has("model.embed_tokens.weight")) return "model.";
  return weights.has("embed_tokens.weight") || weights.has("norm.weight") ? "" : "model.";
}

struct Layer {
  nn::RmsNorm attention_norm;
  std::unique_ptr<nn::Linear> qkv;
  std::optional<nn::HeadNorm> head_norm;
  std::unique_ptr<nn::Linear> attention_out;
  nn::RmsNorm mlp_norm;
  std::unique_ptr<nn::Linear> gate_up, down;
};

class LlamaTrunk final : public nn::Trunk {
 public:
  LlamaTrunk(const nn::BuildArgs& args, const nn::Shape& shape, const LlamaTraits& traits,
             nn::Embedding embedding)
      : backend_(args.backend),
        shape_(shape),
        embedding_(std::move(embedding)),
        final_norm_(norm(args, prefix_of(args) + "norm.weight")) {
    int64_t positions = args.max_model_len ? args.max_model_len : shape.max_positions;
    angles_ = nn::rope_table(args.config, positions, shape.head_dim, args.backend.device());
    for (int64_t i = 0; i < shape.layers; ++i)
      layers_.push_back(layer(args, traits, prefix_of(args) + "layers." + std::to_string(i) + "."));
  }

  nn::Hidden forward(const nn::Inputs& inputs, const nn::Cache& cache) const override {
    Tensor residual = embedding_.forward(inputs.ids, inputs.ragged.tokens);  // (tokens, hidden)
    Tensor x;  // what the last half adds to residual
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      Tensor normed = x.defined() ? layer.attention_norm.add_forward(residual, x)
                                  : layer.attention_norm.forward(residual);
      Tensor attended = attention(layer, normed, inputs, cache.layers[i]);
      if (i + 1 < layers_.size()) {
        backend_.ops().expect_pages(cache.layers[i + 1], inputs.ragged);
      } else if (inputs.hidden_rows() < inputs.ragged.tokens) {  // every token is on its own now
        attended = nn::gather(backend_, attended, *inputs.read);
        residual = nn::gather(backend_, residual, *inputs.read);
      }
      x = layer.attention_out->forward(attended);
      x = layer.down->forward(layer.gate_up->forward(layer.mlp_norm.add_forward(residual, x)));
    }
    return {.last = final_norm_.add_forward(residual, x)};
  }

 private:
  nn::RmsNorm norm(const nn::BuildArgs& args, const std::string& name) const {
    return {args.backend, args.weights.get(name, {shape_.hidden}), args.type, epsilon(args)};
  }

  static double epsilon(const nn::BuildArgs& args) {
    return args.config.not_negative("rms_norm_eps", 1e-6);
  }

  nn::HeadNorm head_norm(const nn::BuildArgs& args, const std::string& prefix) const {
    return nn::HeadNorm(args.backend, args.weights.get(prefix + "q_norm.weight", {shape_.head_dim}),
                        shape_.heads, args.weights.get(prefix + "k_norm.weight", {shape_.head_dim}),
                        shape_.kv_heads, args.type, epsilon(args));
  }

  // Weights `names` under `prefix`, stacked or the first gating the second; each with its bias
  // where config.json's `bias_flag` says so.
  std::unique_ptr<nn::Linear> linear(const nn::BuildArgs& args, const std::string& prefix,
                                     const char* bias_flag,
                                     std::initializer_list<std::pair<const char*, int64_t>> names,
                                     int64_t in, bool gated = false) const {
    nn::LinearSource source{.gated = gated};
    for (const auto& [name, out] : names) {
      source.weights.push_back(args.weights.get(prefix + name + ".weight", {out, in}));
      if (args.config.boolean(bias_flag, false))
        source.biases.push_back(args.weights.get(prefix + name + ".bias", {out}));
    }
    return args.backend.linear(source, args.type);
  }

  Layer layer(const nn::BuildArgs& args, const LlamaTraits& traits,
              const std::string& prefix) const {
    int64_t q = shape_.heads * shape_.head_dim, kv = shape_.kv_heads * shape_.head_dim,
            inner = args.config.size("intermediate_size"), hidden = shape_.hidden;
    return Layer{
        norm(args, prefix + "input_layernorm.weight"),
        linear(args, prefix + "self_attn.", "attention_bias",
               {{"q_proj", q}, {"k_proj", kv}, {"v_proj", kv}}, hidden),
        traits.head_norms ? std::optional(head_norm(args, prefix + "self_attn.")) : std::nullopt,
        linear(args, prefix + "self_attn.", "attention_bias", {{"o_proj", hidden}}, q),
        norm(args, prefix + "post_attention_layernorm.weight"),
        linear(args, prefix + "mlp.", "mlp_bias", {{"gate_proj", inner}, {"up_proj", inner}},
               hidden, true),
        linear(args, prefix + "mlp.", "mlp_bias", {{"down_proj", hidden}}, inner),
    };
  }

  Tensor attention(const Layer& layer, const Tensor& normed, const nn::Inputs& inputs,
                   const kernels::PagedKv& cache) const {
    int64_t q = shape_.heads * shape_.head_dim, kv = shape_.kv_heads * shape_.head_dim;
    Tensor qkv = layer.qkv->forward(normed);  // (tokens, q + 2 kv)
    kernels::Rows all = rows_of(qkv);
    kernels::Ops& ops = backend_.ops();
    if (layer.head_norm) layer.head_norm->apply(columns(all, 0, q + kv));
    ops.rope(columns(all, 0, q + kv), inputs.ragged.positions, angles_.const_data_ptr<float>(),
             static_cast<int32_t>(shape_.head_dim));
    Tensor out = at::empty({normed.size(0), q}, normed.options());
    ops.paged_attention(rows_of(out), columns(all, 0, q),
                        {columns(all, q, kv), columns(all, q + kv, kv)}, cache, inputs.ragged,
                        {.scale = 1 / std::sqrt(static_cast<float>(shape_.head_dim))});
    return out;
  }

  nn::Backend& backend_;
  nn::Shape shape_;
  nn::Embedding embedding_;
  nn::RmsNorm final_norm_;
  Tensor angles_;  // (positions, head_dim) float32
  std::vector<Layer> layers_;
};

nn::Model build(const nn::BuildArgs& args, const LlamaTraits& traits) {
  nn::Shape shape = describe(args.config, traits);
  // Where it is used, so that a head tied to it is not a second copy there.
  Tensor table =
      args.weights.get(prefix_of(args) + "embed_tokens.weight", {shape.vocabulary, shape.hidden})
          .to(args.backend.device(), args.type);
  Tensor projection =
      shape.tied ? table : args.weights.get("lm_head.weight", {shape.vocabulary, shape.hidden});
  nn::Model model;
  model.shape = shape;
  model.trunk = std::make_unique<LlamaTrunk>(args, shape, traits,
                                             nn::Embedding(args.backend, table, args.type));
  model.heads.push_back(
      nn::make_lm_head(args.backend, args.backend.linear({{projection}, {}}, args.type)));
  return model;
}

}  // namespace

nn::Architecture llama_kind(std::string name, LlamaTraits traits) {
  return {.name = std::move(name),
          .model_type = traits.model_type,
          .fields = folder::llama_config_fields(),
          .describe = [traits](const nn::ConfigFile& config) { return describe(config, traits); },
          .build = [traits](const nn::BuildArgs& args) { return build(args, traits); },
          .unread = {"rotary_emb.inv_freq", "lm_head.weight"}};  // the latter where it is tied
}

}  // namespace weir::arch
