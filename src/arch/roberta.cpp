// RoBERTa and XLM-RoBERTa: BERT's trunk, where a token at position p has row p + pad_token_id + 1
// of the table of positions. The reference is Hugging Face's modeling_roberta.py.
#include "arch/architectures.h"
#include "arch/bert_kind.h"
#include "weir/folder/tables.h"

namespace weir::arch {
namespace {

/// Rows of the table of positions that no token has: those up to the padding's.
int64_t unused_positions(const nn::ConfigFile& config, const nn::Shape& shape) {
  const int64_t padding = config.integer("pad_token_id", 1);
  if (padding < 0 || padding >= shape.vocabulary)
    config.refuse("pad_token_id is " + std::to_string(padding) + "; 0 to vocab_size - 1 = " +
                  std::to_string(shape.vocabulary - 1) + " is possible");
  return padding + 1;
}

nn::Shape describe(const nn::ConfigFile& config) {
  nn::Shape shape = bert_shape(config);
  leave_out_positions(shape, config, unused_positions(config, shape));
  return shape;
}

nn::Model build(const nn::Builder& whole) {
  const nn::ConfigFile& config = whole.config();
  BertPlan plan = bert_plan(config, describe(config));
  plan.prefix = "roberta.";
  plan.unused_positions = unused_positions(config, plan.shape);
  return build_bert_kind(whole, plan);
}

/// `family` is what the names of its classes begin with.
nn::Architecture roberta_kind(const std::string& family, const std::string& model_type) {
  nn::Architecture made{.name = family + "Model",
                        .model_type = model_type,
                        .fields = folder::bert_config_fields(),
                        .describe = describe,
                        .build = build,
                        .unread = {"position_ids", "pooler.dense.", "lm_head."}};
  for (const char* task : {"MaskedLM", "SequenceClassification", "TokenClassification",
                           "QuestionAnswering", "MultipleChoice"})
    made.other_names.push_back(family + "For" + task);
  return made;
}

}  // namespace

nn::Architecture roberta() { return roberta_kind("Roberta", "roberta"); }
nn::Architecture xlm_roberta() { return roberta_kind("XLMRoberta", "xlm-roberta"); }

}  // namespace weir::arch
