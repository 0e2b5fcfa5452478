#include "arch/bert_kind.h"

#include "weir/nn/heads.h"

namespace weir::arch {
namespace {

/// The trunk saves its tensors bare; a checkpoint with a task head puts the prefix before them.
std::string prefix_of(const nn::Builder& model, const BertPlan& plan) {
  const std::string words = "embeddings.word_embeddings.weight";
  if (model.has(words)) return "";
  const bool has_head =
      model.has(plan.prefix + words) ||
      model.has(plan.prefix + plan.names.layers + ".0." + plan.names.query + ".weight");
  return has_head ? plan.prefix : "";
}

}  // namespace

nn::Shape bert_shape(const nn::ConfigFile& config) {
  nn::Shape shape = nn::Shape::read(config);
  shape.generates = false;
  shape.token_types = config.size("type_vocab_size", 2);
  shape.split_hidden(config, "hidden_size", "num_attention_heads");
  std::string positions = config.text("position_embedding_type", "absolute");
  if (positions != "absolute")
    config.refuse("position_embedding_type \"" + positions + "\" is not supported (absolute)");
  return shape;
}

void leave_out_positions(nn::Shape& shape, const nn::ConfigFile& config, int64_t unused) {
  if (shape.max_positions <= unused)
    config.refuse("max_position_embeddings is " + std::to_string(shape.max_positions) +
                  "; the first " + std::to_string(unused) + " positions are no token's, so " +
                  std::to_string(unused + 1) + " or more are possible");
  shape.max_positions -= unused;
}

BertPlan bert_plan(const nn::ConfigFile& config, const nn::Shape& shape) {
  return {.shape = shape,
          .prefix = "bert.",
          .inner = config.size("intermediate_size"),
          .eps = config.not_negative("layer_norm_eps", 1e-12),
          .activation = nn::activation_of(config, "hidden_act", "gelu")};
}

nn::Model build_bert_kind(const nn::Builder& whole, const BertPlan& plan) {
  nn::Model model;
  model.shape = plan.shape;
  const std::string prefix = prefix_of(whole, plan);
  model.trunk = make_bert_trunk(whole.under(prefix), plan);
  nn::PoolingPlan pooling = nn::sentence_pooling(whole.directory());
  model.notes = pooling.notes;
  model.heads.push_back(nn::make_pool_head(whole.backend(), std::move(pooling)));
  nn::add_checkpoint_heads(model, whole, prefix);
  return model;
}

}  // namespace weir::arch
