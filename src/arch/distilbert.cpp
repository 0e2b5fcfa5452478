// DistilBERT: BERT's trunk under other names and without token types. The reference is Hugging
// Face's modeling_distilbert.py.
#include "arch/architectures.h"
#include "arch/bert_kind.h"
#include "weir/folder/tables.h"

namespace weir::arch {
namespace {

nn::Shape describe(const nn::ConfigFile& config) {
  nn::Shape shape;
  shape.generates = false;
  shape.layers = config.size("n_layers");
  shape.hidden = config.size("dim");
  shape.vocabulary = config.size("vocab_size");
  shape.heads = shape.kv_heads = config.size("n_heads");
  shape.max_positions = config.size("max_position_embeddings");
  shape.split_hidden(config, "dim", "n_heads");
  return shape;
}

nn::Model build(const nn::Builder& whole) {
  const nn::ConfigFile& config = whole.config();
  return build_bert_kind(whole, {.shape = describe(config),
                                 .prefix = "distilbert.",
                                 .names = {.layers = "transformer.layer",
                                           .query = "attention.q_lin",
                                           .key = "attention.k_lin",
                                           .value = "attention.v_lin",
                                           .attention_out = "attention.out_lin",
                                           .attention_norm = "sa_layer_norm",
                                           .up = "ffn.lin1",
                                           .down = "ffn.lin2",
                                           .mlp_norm = "output_layer_norm"},
                                 .inner = config.size("hidden_dim"),
                                 .eps = 1e-12,
                                 .activation = nn::activation_of(config, "activation", "gelu"),
                                 .typed = false,
                                 .sinusoidal = config.boolean("sinusoidal_pos_embds", false)});
}

}  // namespace

nn::Architecture distilbert() {
  return {.name = "DistilBertModel",
          .model_type = "distilbert",
          .other_names = {"DistilBertForMaskedLM", "DistilBertForSequenceClassification",
                          "DistilBertForTokenClassification", "DistilBertForQuestionAnswering",
                          "DistilBertForMultipleChoice"},
          .fields = folder::distilbert_config_fields(),
          .describe = describe,
          .build = build,
          .unread = {"position_ids", "vocab_transform.", "vocab_layer_norm.", "vocab_projector."}};
}

}  // namespace weir::arch
