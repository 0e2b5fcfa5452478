// BERT. The reference is Hugging Face's modeling_bert.py.
#include "arch/architectures.h"
#include "arch/bert_kind.h"
#include "weir/folder/tables.h"

namespace weir::arch {
namespace {

nn::Model build(const nn::Builder& whole) {
  const nn::ConfigFile& config = whole.config();
  return build_bert_kind(whole, bert_plan(config, bert_shape(config)));
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
          .describe = bert_shape,
          .build = build,
          .unread = {"position_ids", "pooler.dense.", "cls.predictions.", "cls.seq_relationship."}};
}

}  // namespace weir::arch
