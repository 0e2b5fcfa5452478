// sentence_bert_config.json.
#include "weir/folder/tables.h"

namespace weir::folder {

using enum Verdict;

FieldTable sentence_bert_fields() {
  static constexpr std::string_view kStates = "vectors are made of the last hidden states only";
  static constexpr KnownField table[] = {
      {.name = "transformer_task",
       .verdict = refused,
       .note = kStates,
       .neutral = "[\"feature-extraction\"]"},
      {.name = "module_output_name",
       .verdict = refused,
       .note = kStates,
       .neutral = "[\"token_embeddings\"]"},
      {.name = "output_key",
       .verdict = refused,
       .note = kStates,
       .neutral = "[\"token_embeddings\", \"last_hidden_state\"]"},
      {.name = "modality_config.text.method",
       .verdict = refused,
       .note = kStates,
       .neutral = "[\"forward\"]"},
      {.name = "modality_config.text.method_output_name",
       .verdict = refused,
       .note = kStates,
       .neutral = "[\"last_hidden_state\"]"},
      {"modality_config.text.format"},
      {"modality_config.*"},  // of pictures, sounds and messages
      {.name = "processing_kwargs",
       .verdict = told,
       .note = "texts are tokenized as tokenizer.json says",
       .neutral = "[{}]"},
      {.name = "tokenizer_name_or_path",
       .verdict = told,
       .note = "the tokenizer is the folder's own"},
      {.name = "query_length", .verdict = harmless},  // of models of many vectors
      {.name = "document_length", .verdict = harmless},
      {.name = "query_expansion", .verdict = harmless},
      {"unpad_inputs"},
      {"model_args"},
      {"model_kwargs"},
      {"config_args"},
      {"config_kwargs"},
      {"tokenizer_args"},
      {"processor_kwargs"},
      {"backend"},
  };
  return table;
}

}  // namespace weir::folder
