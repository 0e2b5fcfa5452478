// MPNet: BERT's trunk with RoBERTa's positions, without token types, and with T5's bias of scores
// by distance, which all layers share. The reference is Hugging Face's modeling_mpnet.py.
#include "arch/architectures.h"
#include "arch/bert_kind.h"
#include "weir/folder/tables.h"

namespace weir::arch {
namespace {

constexpr int64_t kUnusedPositions = 2;  // pad_token_id does not change it
constexpr int64_t kBuckets = 32, kMaxDistance = 128;

nn::Shape describe(const nn::ConfigFile& config) {
  nn::Shape shape = bert_shape(config);
  shape.token_types = 1;
  leave_out_positions(shape, config, kUnusedPositions);
  const int64_t buckets = config.size("relative_attention_num_buckets", kBuckets);
  if (buckets != kBuckets)
    config.refuse("relative_attention_num_buckets is " + std::to_string(buckets) + "; only " +
                  std::to_string(kBuckets) + " is supported");
  return shape;
}

nn::Model build(const nn::Builder& whole) {
  const nn::ConfigFile& config = whole.config();
  BertPlan plan = bert_plan(config, describe(config));
  plan.prefix = "mpnet.";
  plan.names.query = "attention.attn.q";
  plan.names.key = "attention.attn.k";
  plan.names.value = "attention.attn.v";
  plan.names.attention_out = "attention.attn.o";
  plan.names.attention_norm = "attention.LayerNorm";
  plan.unused_positions = kUnusedPositions;
  plan.typed = false;
  plan.bias =
      nn::DistanceBias::Rule{.buckets = kBuckets, .max_distance = kMaxDistance, .both_ways = true};
  return build_bert_kind(whole, plan);
}

}  // namespace

nn::Architecture mpnet() {
  return {.name = "MPNetModel",
          .model_type = "mpnet",
          .other_names = {"MPNetForMaskedLM", "MPNetForSequenceClassification",
                          "MPNetForTokenClassification", "MPNetForQuestionAnswering",
                          "MPNetForMultipleChoice"},
          .fields = folder::bert_config_fields(),
          .describe = describe,
          .build = build,
          .unread = {"position_ids", "pooler.dense.", "lm_head."}};
}

}  // namespace weir::arch
