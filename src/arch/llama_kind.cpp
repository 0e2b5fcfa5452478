#include "arch/llama_kind.h"

#include <optional>

#include "weir/folder/tables.h"
#include "weir/nn/activation.h"
#include "weir/nn/attention.h"
#include "weir/nn/heads.h"
#include "weir/nn/mlp.h"
#include "weir/nn/rope.h"

namespace weir::arch {
namespace {

using at::Tensor;

/// Columns of a head.
int64_t rotated(const nn::ConfigFile& config, const LlamaTraits& traits, const nn::Shape& shape) {
  return traits.rotated_in_part ? nn::rotated_columns(config, shape.head_dim) : shape.head_dim;
}

nn::Shape describe(const nn::ConfigFile& config, const LlamaTraits& traits) {
  nn::Shape shape = nn::Shape::read(config);
  shape.group_heads(config);
  shape.remembers.pages = true;
  shape.remembers.window = read_window(config, traits.window, shape.layers);
  shape.tied = config.boolean("tie_word_embeddings", false);
  if (traits.plain_rope) nn::expect_plain_rope(config);
  shape.max_positions = nn::rope_reach(config, shape.max_positions);
  shape.head_dim =
      config.integer("head_dim", traits.head_dim ? traits.head_dim : shape.hidden / shape.heads);
  const bool named = config.has("head_dim") || traits.head_dim;
  shape.check_rotated_heads(config, named ? "head_dim" : "hidden_size / num_attention_heads");
  rotated(config, traits, shape);  // refuses a part that is none
  return shape;
}

struct Layer {
  nn::RmsNorm attention_norm;
  std::unique_ptr<nn::Linear> qkv;
  std::optional<nn::HeadNorm> head_norm;
  std::unique_ptr<nn::Linear> attention_out;
  nn::RmsNorm mlp_norm;
  nn::Mlp mlp;
};

double epsilon(const nn::Builder& model, const LlamaTraits& traits) {
  return model.config().not_negative("rms_norm_eps", traits.epsilon);
}

std::unique_ptr<nn::Linear> make_qkv(const nn::Builder& self, const LlamaTraits& traits,
                                     const nn::Shape& shape, bool bias) {
  const int64_t columns = rotated(self.config(), traits, shape);
  const auto turned = [&](const char* name, int64_t heads) {
    return nn::Part{.name = name,
                    .out = heads * shape.head_dim,
                    .rows = nn::rotation_order(heads, shape.head_dim, columns)};
  };
  return self.linear({turned("q_proj", shape.heads),
                      turned("k_proj", shape.kv_heads),
                      {"v_proj", shape.kv_heads * shape.head_dim}},
                     {.in = shape.hidden,
                      .bias = bias || traits.qkv_bias,
                      .stacked = traits.fused ? "qkv_proj" : ""});
}

Layer make_layer(const nn::Builder& layer, const LlamaTraits& traits, const nn::Shape& shape) {
  const int64_t hidden = shape.hidden, inner = layer.config().size("intermediate_size");
  const double eps = epsilon(layer, traits);
  const bool bias = !traits.qkv_bias && layer.config().boolean("attention_bias", false),
             mlp_bias = layer.config().boolean("mlp_bias", false);
  const nn::Activation gate = nn::activation_of(layer.config(), "hidden_act", "silu");
  const nn::Builder self = layer.under("self_attn."), mlp = layer.under("mlp.");
  return {.attention_norm = layer.rms_norm("input_layernorm", hidden, eps),
          .qkv = make_qkv(self, traits, shape, bias),
          .head_norm = traits.head_norms ? std::optional(self.head_norm(shape, eps)) : std::nullopt,
          .attention_out =
              self.linear({{"o_proj", hidden}}, {.in = shape.heads * shape.head_dim, .bias = bias}),
          .mlp_norm = layer.rms_norm("post_attention_layernorm", hidden, eps),
          .mlp = {.up = mlp.linear({{"gate_proj", inner}, {"up_proj", inner}},
                                   {.in = hidden,
                                    .bias = mlp_bias,
                                    .gate = gate,
                                    .stacked = traits.fused ? "gate_up_proj" : ""}),
                  .down = mlp.linear({{"down_proj", hidden}}, {.in = inner, .bias = mlp_bias})}};
}

class LlamaTrunk final : public nn::Trunk {
 public:
  LlamaTrunk(const nn::Builder& model, const LlamaTraits& traits, const nn::Shape& shape,
             nn::Embedding embedding)
      : heads_(nn::Heads::of(shape)),
        attention_{.scale = heads_.scale(), .window = static_cast<int32_t>(shape.remembers.window)},
        embedding_(std::move(embedding)),
        final_norm_(model.rms_norm("norm", shape.hidden, epsilon(model, traits))),
        rope_(model, shape, rotated(model.config(), traits, shape)) {
    for (int64_t i = 0; i < shape.layers; ++i)
      layers_.push_back(make_layer(model.layer("layers", i), traits, shape));
  }

  nn::Hidden forward(const nn::Pass& pass) const override {
    Tensor residual = embedding_.forward(pass.inputs.ids, pass.inputs.ragged.tokens);
    Tensor x;  // (tokens, hidden), like residual: what the last half adds to it
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      const Tensor normed = x.defined() ? layer.attention_norm.add_forward(residual, x)
                                        : layer.attention_norm.forward(residual);
      const Tensor qkv = layer.qkv->forward(normed, pass);
      const kernels::Rows qk = nn::queries_and_keys(qkv, heads_);
      if (layer.head_norm) layer.head_norm->apply(qk);
      rope_.apply(qk, pass);
      Tensor attended = nn::attend_pages(pass, i, qkv, heads_, attention_);
      nn::expect_layer(pass, i + 1);
      if (i + 1 == layers_.size()) nn::keep_read(pass, {&attended, &residual});
      x = layer.mlp_norm.add_forward(residual, layer.attention_out->forward(attended, pass));
      x = layer.mlp.forward(x, pass);
    }
    return {.last = final_norm_.add_forward(residual, x)};
  }

 private:
  const nn::Heads heads_;
  const kernels::Attention attention_;
  nn::Embedding embedding_;
  nn::RmsNorm final_norm_;
  nn::Rope rope_;
  std::vector<Layer> layers_;
};

nn::Model build(const nn::Builder& whole, const LlamaTraits& traits) {
  const nn::Shape shape = describe(whole.config(), traits);
  // A trunk saved alone has no "model." before the names of its tensors.
  const bool bare = !whole.has("model.embed_tokens.weight") &&
                    (whole.has("embed_tokens.weight") || whole.has("norm.weight"));
  const nn::Builder trunk = whole.under(bare ? "" : "model.");
  const Tensor table = trunk.table("embed_tokens", shape.vocabulary, shape.hidden);
  nn::Model model;
  model.shape = shape;
  model.trunk = std::make_unique<LlamaTrunk>(trunk, traits, shape,
                                             nn::Embedding(whole.backend(), table, whole.type()));
  model.heads.push_back(nn::make_lm_head(whole, shape, table));
  return model;
}

}  // namespace

nn::Architecture llama_kind(std::string name, LlamaTraits traits) {
  return {.name = std::move(name),
          .model_type = traits.model_type,
          .fields = folder::llama_config_fields(),
          .describe = [traits](const nn::ConfigFile& config) { return describe(config, traits); },
          .build = [traits](const nn::Builder& model) { return build(model, traits); },
          .unread = {"rotary_emb.inv_freq", "lm_head.weight"}};  // the latter where it is tied
}

}  // namespace weir::arch
