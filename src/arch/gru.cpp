// A language model of GRU layers: an embedding, the layers, a projection on the vocabulary. Its
// sequences remember one state of fixed size.
#include "weir/nn/gru.h"

#include "arch/architectures.h"
#include "weir/nn/attention.h"
#include "weir/nn/heads.h"

namespace weir::arch {
namespace {

using at::Tensor;

folder::FieldTable fields() {
  static constexpr folder::KnownField table[] = {
      {.name = "bidirectional",
       .verdict = folder::Verdict::refused,
       .note = "a model that draws tokens reads from left to right",
       .neutral = "[false]"},
  };
  return table;
}

int64_t word_columns(const nn::ConfigFile& config) {
  return config.size("embedding_size", config.size("hidden_size"));
}

nn::Shape describe(const nn::ConfigFile& config) {
  nn::Shape shape;
  shape.layers = config.size("num_hidden_layers");
  shape.hidden = config.size("hidden_size");
  shape.vocabulary = config.size("vocab_size");
  shape.max_positions = config.size("max_position_embeddings");
  shape.tied = config.boolean("tie_word_embeddings", false);
  if (shape.tied && word_columns(config) != shape.hidden)
    config.refuse("tie_word_embeddings is true, embedding_size " +
                  std::to_string(word_columns(config)) + " and hidden_size " +
                  std::to_string(shape.hidden) + "; a tied table has one width");
  shape.remembers.slot = shape.layers * shape.hidden;
  return shape;
}

class GruTrunk final : public nn::Trunk {
 public:
  GruTrunk(const nn::Builder& model, const nn::Shape& shape, nn::Embedding words)
      : words_(std::move(words)) {
    for (int64_t i = 0; i < shape.layers; ++i)
      layers_.emplace_back(
          model, i,
          nn::Gru::Sizes{.columns = i == 0 ? word_columns(model.config()) : shape.hidden,
                         .width = shape.hidden});
  }

  nn::Hidden forward(const nn::Pass& pass) const override {
    Tensor x = words_.forward(pass.inputs.ids, pass.inputs.ragged.tokens);  // (tokens, columns)
    for (const nn::Gru& layer : layers_) x = layer.forward(x, pass);
    nn::keep_read(pass, {&x});
    return {.last = x};
  }

 private:
  nn::Embedding words_;
  std::vector<nn::Gru> layers_;
};

nn::Model build(const nn::Builder& whole) {
  nn::Model model;
  model.shape = describe(whole.config());
  const Tensor table =
      whole.table("embed_tokens", model.shape.vocabulary, word_columns(whole.config()));
  model.trunk = std::make_unique<GruTrunk>(whole.under("rnn."), model.shape,
                                           nn::Embedding(whole.backend(), table, whole.type()));
  model.heads.push_back(nn::make_lm_head(whole, model.shape, table));
  return model;
}

}  // namespace

nn::Architecture gru() {
  return {.name = "GruForCausalLM",
          .model_type = "gru",
          .fields = fields(),
          .describe = describe,
          .build = build};
}

}  // namespace weir::arch
