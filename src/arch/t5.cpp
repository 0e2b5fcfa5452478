// T5: RMSNorm before each part, bias of scores by distance instead of positions, an encoder and a
// decoder that attends to what it gave. The reference is Hugging Face's modeling_t5.py.
#include <cmath>
#include <optional>

#include "arch/architectures.h"
#include "weir/nn/activation.h"
#include "weir/nn/attention.h"
#include "weir/nn/distance_bias.h"
#include "weir/nn/heads.h"
#include "weir/nn/mlp.h"

namespace weir::arch {
namespace {

using at::Tensor;

constexpr int64_t kUsualLength = 512;  // no weight bounds a text: so long were those of training

folder::FieldTable fields() {
  static constexpr folder::KnownField table[] = {
      {"dense_act_fn"}, {"is_gated_act"},       {"dropout_rate"},      {"initializer_factor"},
      {"is_decoder"},   {"output_past"},        {"num_hidden_layers"}, {"num_attention_heads"},
      {"hidden_size"},  {"max_decoder_length"}, {"head_dim"},
  };
  return table;
}

nn::Shape describe(const nn::ConfigFile& config) {
  nn::Shape shape;
  shape.hidden = config.size("d_model");
  shape.vocabulary = config.size("vocab_size");
  shape.heads = shape.kv_heads = config.size("num_heads");
  shape.head_dim = config.size("d_kv");
  shape.layers = config.size("num_decoder_layers", config.size("num_layers"));
  shape.max_positions = shape.max_source = config.size("n_positions", kUsualLength);
  shape.biased = true;
  shape.remembers = {.pages = true, .source = true};
  shape.check_heads(config, "d_kv");
  return shape;
}

struct CrossAttention {
  nn::RmsNorm norm;
  std::unique_ptr<nn::Linear> q, kv, out;
};

struct Layer {
  nn::RmsNorm attention_norm;
  std::unique_ptr<nn::Linear> qkv, attention_out;
  std::optional<CrossAttention> cross;  // of a decoder
  nn::RmsNorm mlp_norm;
  nn::Mlp mlp;
};

/// "relu", or "gated-gelu" for an MLP with a gate.
nn::Mlp make_mlp(const nn::Builder& mlp, int64_t hidden) {
  const int64_t inner = mlp.config().size("d_ff");
  const std::string wanted = mlp.config().text("feed_forward_proj", "relu");
  const bool gated = wanted.starts_with("gated-");
  // GELU is the tanh form where it gates; so it was in the first checkpoints.
  const auto activation =
      wanted == "gated-gelu"
          ? nn::Activation::gelu_tanh
          : nn::activation_of(mlp.config(), "feed_forward_proj", "relu", gated ? "gated-" : "");
  auto down = mlp.linear({{"wo", hidden}}, {.in = inner});
  if (!gated) return {mlp.linear({{"wi", inner}}, {.in = hidden}), std::move(down), activation};
  return {mlp.linear({{"wi_0", inner}, {"wi_1", inner}}, {.in = hidden, .gate = activation}),
          std::move(down)};
}

/// One of the two stacks, "encoder." or "decoder.".
class Stack {
 public:
  Stack(const nn::Builder& stack, const nn::Shape& shape, int64_t layers, bool decodes)
      : heads_(nn::Heads::of(shape)),
        bias_(stack, "block.0.layer.0.SelfAttention.relative_attention_bias", shape.heads,
              {.buckets = stack.config().size("relative_attention_num_buckets", 32),
               .max_distance = stack.config().size("relative_attention_max_distance", 128),
               .both_ways = !decodes}),
        final_norm_(norm(stack, "final_layer_norm", shape.hidden)) {
    for (int64_t i = 0; i < layers; ++i)
      layers_.push_back(make_layer(stack.layer("block", i), shape.hidden, decodes));
  }

  /// The sources of the step to the pages of their keys and values. x: (source tokens, hidden)
  void encode_for(const Stack& decoder, Tensor x, const nn::Pass& pass) const {
    const kernels::Ragged& rows = pass.inputs.encode.ragged;
    const kernels::Attention attention{.scale = 1, .causal = false, .bias = bias_.view()};
    for (const Layer& layer : layers_) {
      const Tensor qkv = layer.qkv->forward(layer.attention_norm.forward(x), pass);
      layer.attention_out->add_to(x, nn::attend_rows(pass, rows, qkv, heads_, attention), pass);
      layer.mlp.add_to(x, layer.mlp_norm.forward(x), pass);
    }
    const Tensor states = final_norm_.forward(x);
    for (size_t i = 0; i < decoder.layers_.size(); ++i)
      nn::write_source(pass, i, decoder.layers_[i].cross->kv->forward(states, pass), heads_);
  }

  /// x: (tokens, hidden). Gives (hidden_rows, hidden).
  Tensor decode(Tensor x, const nn::Pass& pass) const {
    const kernels::Attention own{.scale = 1, .bias = bias_.view()};
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      const Tensor qkv = layer.qkv->forward(layer.attention_norm.forward(x), pass);
      layer.attention_out->add_to(x, nn::attend_pages(pass, i, qkv, heads_, own), pass);
      const Tensor q = layer.cross->q->forward(layer.cross->norm.forward(x), pass);
      Tensor attended = nn::attend_source(pass, i, q, heads_, {.scale = 1, .causal = false});
      nn::expect_layer(pass, i + 1);
      if (i + 1 == layers_.size()) nn::keep_read(pass, {&attended, &x});
      layer.cross->out->add_to(x, attended, pass);
      layer.mlp.add_to(x, layer.mlp_norm.forward(x), pass);
    }
    return final_norm_.forward(x);
  }

 private:
  static nn::RmsNorm norm(const nn::Builder& part, const std::string& name, int64_t hidden) {
    return part.rms_norm(name, hidden, part.config().not_negative("layer_norm_epsilon", 1e-6));
  }

  std::unique_ptr<nn::Linear> out(const nn::Builder& attention, int64_t hidden) const {
    return attention.linear({{"o", hidden}},
                            {.in = heads_.count * heads_.dim, .inputs = heads_.padding()});
  }

  std::unique_ptr<nn::Linear> in(const nn::Builder& attention,
                                 std::initializer_list<const char*> names, int64_t hidden) const {
    std::vector<nn::Part> parts;
    for (const char* name : names) parts.push_back({name, heads_.count * heads_.dim});
    return attention.linear(parts, {.in = hidden, .outputs = heads_.padding()});
  }

  Layer make_layer(const nn::Builder& layer, int64_t hidden, bool decodes) const {
    const nn::Builder self = layer.under("layer.0."), cross = layer.under("layer.1."),
                      last = decodes ? layer.under("layer.2.") : cross;
    const nn::Builder own = self.under("SelfAttention."), far = cross.under("EncDecAttention.");
    return {.attention_norm = norm(self, "layer_norm", hidden),
            .qkv = in(own, {"q", "k", "v"}, hidden),
            .attention_out = out(own, hidden),
            .cross = decodes ? std::optional<CrossAttention>(CrossAttention{
                                   norm(cross, "layer_norm", hidden), in(far, {"q"}, hidden),
                                   in(far, {"k", "v"}, hidden), out(far, hidden)})
                             : std::nullopt,
            .mlp_norm = norm(last, "layer_norm", hidden),
            .mlp = make_mlp(last.under("DenseReluDense."), hidden)};
  }

  const nn::Heads heads_;
  const nn::DistanceBias bias_;
  nn::RmsNorm final_norm_;
  std::vector<Layer> layers_;
};

class T5Trunk final : public nn::Trunk {
 public:
  T5Trunk(const nn::Builder& model, const nn::Shape& shape, nn::Embedding words)
      : words_(std::move(words)),
        encoder_(model.under("encoder."), shape, model.config().size("num_layers"), false),
        decoder_(model.under("decoder."), shape, shape.layers, true) {}

  nn::Hidden forward(const nn::Pass& pass) const override {
    const nn::Inputs& inputs = pass.inputs;
    if (const int64_t tokens = inputs.encode.ragged.tokens)
      encoder_.encode_for(decoder_, words_.forward(inputs.encode.ids, tokens), pass);
    return {.last = decoder_.decode(words_.forward(inputs.ids, inputs.ragged.tokens), pass)};
  }

 private:
  nn::Embedding words_;
  const Stack encoder_, decoder_;
};

nn::Model build(const nn::Builder& whole) {
  nn::Model model;
  model.shape = describe(whole.config());
  const Tensor table = whole.table("shared", model.shape.vocabulary, model.shape.hidden);
  model.trunk = std::make_unique<T5Trunk>(whole, model.shape,
                                          nn::Embedding(whole.backend(), table, whole.type()));
  // Some checkpoints say that they are tied and have a head of their own: it is the one to take.
  const bool says_tied = whole.config().boolean("tie_word_embeddings", true);
  model.shape.tied = says_tied && !whole.has("lm_head.weight");
  const bool scales = whole.config().boolean("scale_decoder_outputs", says_tied);
  const double scale = scales ? 1 / std::sqrt(static_cast<double>(model.shape.hidden)) : 1;
  model.heads.push_back(nn::make_lm_head(whole, model.shape, table, static_cast<float>(scale)));
  return model;
}

}  // namespace

nn::Architecture t5() {
  return {.name = "T5ForConditionalGeneration",
          .model_type = "t5",
          .other_names = {"MT5ForConditionalGeneration", "T5WithLMHeadModel"},
          .fields = fields(),
          .describe = describe,
          .build = build,
          .unread = {"embed_tokens.weight",
                     "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"}};
}

}  // namespace weir::arch
