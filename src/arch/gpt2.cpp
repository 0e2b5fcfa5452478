// GPT-2: learned positions, LayerNorm before each half, GELU MLP; weights lie transposed, and
// queries, keys and values in one. The reference is Hugging Face's modeling_gpt2.py.
#include "arch/architectures.h"
#include "weir/nn/activation.h"
#include "weir/nn/attention.h"
#include "weir/nn/heads.h"
#include "weir/nn/mlp.h"

namespace weir::arch {
namespace {

using at::Tensor;

folder::FieldTable fields() {
  static constexpr folder::KnownField table[] = {
      {.name = "add_cross_attention",
       .verdict = folder::Verdict::refused,
       .note = "a decoder that reads another model's states is not supported",
       .neutral = "[false]"},
      {"n_ctx"},  // what n_positions is now
      {"is_decoder"},
      {"reorder_and_upcast_attn"},  // sums are float32 always
      {"cross_attention_hidden_size"},
  };
  return table;
}

nn::Shape describe(const nn::ConfigFile& config) {
  nn::Shape shape;
  shape.layers = config.size("n_layer");
  shape.hidden = config.size("n_embd");
  shape.vocabulary = config.size("vocab_size");
  shape.heads = shape.kv_heads = config.size("n_head");
  shape.max_positions = config.size("n_positions");
  shape.tied = config.boolean("tie_word_embeddings", true);
  shape.remembers.pages = true;
  shape.split_hidden(config, "n_embd", "n_head");
  return shape;
}

struct Layer {
  nn::LayerNorm attention_norm;
  std::unique_ptr<nn::Linear> qkv, attention_out;
  float scale;  // of scores
  nn::LayerNorm mlp_norm;
  nn::Mlp mlp;
};

float score_scale(const nn::ConfigFile& config, const nn::Heads& heads, int64_t layer) {
  const float scale = config.boolean("scale_attn_weights", true) ? heads.scale() : 1.0f;
  const bool by_layer = config.boolean("scale_attn_by_inverse_layer_idx", false);
  return by_layer ? scale / static_cast<float>(layer + 1) : scale;
}

double epsilon(const nn::Builder& model) {
  return model.config().not_negative("layer_norm_epsilon", 1e-5);
}

Layer make_layer(const nn::Builder& layer, const nn::Shape& shape, int64_t index) {
  const nn::Heads heads = nn::Heads::of(shape);
  const int64_t hidden = shape.hidden, inner = layer.config().size("n_inner", 4 * hidden);
  const auto linear = [&](const char* name, int64_t in, int64_t out) {
    return layer.linear({{name, out}}, {.in = in, .bias = true, .transposed = true});
  };
  return {
      .attention_norm = layer.layer_norm("ln_1", hidden, epsilon(layer)),
      .qkv = layer.linear(
          {{"attn.c_attn", 3 * hidden}},
          {.in = hidden, .bias = true, .transposed = true, .outputs = heads.padding()}),
      .attention_out =
          layer.linear({{"attn.c_proj", hidden}},
                       {.in = hidden, .bias = true, .transposed = true, .inputs = heads.padding()}),
      .scale = score_scale(layer.config(), heads, index),
      .mlp_norm = layer.layer_norm("ln_2", hidden, epsilon(layer)),
      .mlp = {.up = linear("mlp.c_fc", hidden, inner),
              .down = linear("mlp.c_proj", inner, hidden),
              .activation = nn::activation_of(layer.config(), "activation_function", "gelu_new")}};
}

class Gpt2Trunk final : public nn::Trunk {
 public:
  Gpt2Trunk(const nn::Builder& model, const nn::Shape& shape, nn::Embedding words)
      : heads_(nn::Heads::of(shape)),
        words_(std::move(words)),
        positions_(model.embedding("wpe", shape.max_positions, shape.hidden)),
        final_norm_(model.layer_norm("ln_f", shape.hidden, epsilon(model))) {
    for (int64_t i = 0; i < shape.layers; ++i)
      layers_.push_back(make_layer(model.layer("h", i), shape, i));
  }

  nn::Hidden forward(const nn::Pass& pass) const override {
    Tensor x = words_.forward(pass.inputs.ids, pass.inputs.ragged.tokens);  // (tokens, hidden)
    positions_.add_to(x, pass.inputs.ragged.positions);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      const Tensor qkv = layer.qkv->forward(layer.attention_norm.forward(x), pass);
      Tensor attended = nn::attend_pages(pass, i, qkv, heads_, {.scale = layer.scale});
      nn::expect_layer(pass, i + 1);
      if (i + 1 == layers_.size()) nn::keep_read(pass, {&attended, &x});
      layer.attention_out->add_to(x, attended, pass);
      layer.mlp.add_to(x, layer.mlp_norm.forward(x), pass);
    }
    return {.last = final_norm_.forward(x)};
  }

 private:
  const nn::Heads heads_;
  nn::Embedding words_, positions_;
  nn::LayerNorm final_norm_;
  std::vector<Layer> layers_;
};

nn::Model build(const nn::Builder& whole) {
  nn::Model model;
  model.shape = describe(whole.config());
  // The trunk alone, as the first checkpoints have it, has no "transformer." before its names.
  const nn::Builder trunk = whole.under(whole.has("wte.weight") ? "" : "transformer.");
  const Tensor table = trunk.table("wte", model.shape.vocabulary, model.shape.hidden);
  model.trunk = std::make_unique<Gpt2Trunk>(trunk, model.shape,
                                            nn::Embedding(whole.backend(), table, whole.type()));
  model.heads.push_back(nn::make_lm_head(whole, model.shape, table));
  return model;
}

}  // namespace

nn::Architecture gpt2() {
  return {.name = "GPT2LMHeadModel",
          .model_type = "gpt2",
          .other_names = {"GPT2Model", "GPT2DoubleHeadsModel"},
          .fields = fields(),
          .describe = describe,
          .build = build,
          .unread = {"attn.bias", "attn.masked_bias", "lm_head.weight"}};
}

}  // namespace weir::arch
