// config.json. The fields that make a model what it is are read by its architecture in src/arch.
#include "weir/folder/tables.h"

namespace weir::folder {

using enum Verdict;

FieldTable config_fields() {
  static constexpr std::string_view kGeneration = "not applied to sampling";
  static constexpr KnownField table[] = {
      {.name = "eos_token_id", .verdict = used},
      {.name = "decoder_start_token_id", .verdict = used},
      {.name = "model_type", .verdict = used},
      {.name = "quantization_config",
       .verdict = refused,
       .note = "quantized checkpoints are not supported"},
      // Where a checkpoint came from and how it is stored.
      {"_*"},
      {"auto_map"},
      {"dtype"},
      {"torch_dtype"},
      {"transformers_version"},
      {"transformers.js_config"},
      {"unsloth_*"},
      {"name_or_path"},
      {"tokenizer_class"},
      {"prefix"},
      // Training.
      {"attention_dropout"},
      {"attn_pdrop"},
      {"embd_pdrop"},
      {"resid_pdrop"},
      {"dropout"},
      {"initializer_range"},
      {"gradient_checkpointing"},
      {"use_cache"},
      {"bos_token_id"},
      {"pad_token_id"},
      {"sep_token_id"},
      {"cls_token_id"},
      // How transformers returns and runs.
      {"output_attentions"},
      {"output_hidden_states"},
      {"return_dict"},
      {"return_dict_in_generate"},
      {"torchscript"},
      {"use_bfloat16"},
      {"chunk_size_feed_forward"},
      {"is_encoder_decoder"},
      {"tie_encoder_decoder"},
      {"tf_legacy_loss"},
      {"use_mambapy"},
      {"attn_implementation"},
      // Of heads: src/nn/heads reads what a head that is served needs.
      {"id2label"},
      {"label2id"},
      {"num_labels"},
      {"problem_type"},
      {"finetuning_task"},
      {"task_specific_params"},
      {"classifier_dropout"},
      {"summary_*"},
      {.name = "pruned_heads",
       .verdict = refused,
       .note = "layers with fewer heads are not supported",
       .neutral = "[{}]"},
      // Sampling, as config.json held it before generation_config.json.
      {.name = "repetition_penalty", .verdict = told, .note = kGeneration, .neutral = "[1]"},
      {.name = "no_repeat_ngram_size", .verdict = told, .note = kGeneration, .neutral = "[0]"},
      {.name = "bad_words_ids", .verdict = told, .note = kGeneration, .neutral = "[]"},
      {.name = "suppress_tokens", .verdict = told, .note = kGeneration, .neutral = "[]"},
      {.name = "begin_suppress_tokens", .verdict = told, .note = kGeneration, .neutral = "[]"},
      {"temperature"},
      {"top_k"},
      {"top_p"},
      {"typical_p"},
      {"do_sample"},
      {"max_length"},
      {"min_length"},
      {"num_beams"},
      {"num_beam_groups"},
      {"num_return_sequences"},
      {"diversity_penalty"},
      {"early_stopping"},
      {"encoder_no_repeat_ngram_size"},
      {"exponential_decay_length_penalty"},
      {"forced_bos_token_id"},
      {"forced_eos_token_id"},
      {"length_penalty"},
      {"output_scores"},
      {"remove_invalid_values"},
  };
  return table;
}

FieldTable bert_config_fields() {
  static constexpr KnownField table[] = {
      {.name = "is_decoder",
       .verdict = refused,
       .note = "an encoder that sees only what came before is not supported",
       .neutral = "[false]"},
      {"add_cross_attention"},  // without another model's states it is left out
      {"attention_probs_dropout_prob"},
      {"cross_attention_hidden_size"},
      {"directionality"},
      {"hidden_dropout_prob"},
      {"pooler_*"},  // of another pooler than BERT's, which has one dense layer
      {"tie_word_embeddings"},
      {"emb_size"},
      {"model_max_length"},
      {"output_past"},
  };
  return table;
}

FieldTable distilbert_config_fields() {
  static constexpr KnownField table[] = {
      {"qa_dropout"},          {"seq_classif_dropout"}, {"tie_weights_"},
      {"tie_word_embeddings"}, {"output_past"},         {"model_max_length"},
  };
  return table;
}

FieldTable llama_config_fields() {
  static constexpr std::string_view kPart = "heads that are rotated in part are not supported";
  static constexpr KnownField table[] = {
      {.name = "partial_rotary_factor", .verdict = refused, .note = kPart, .neutral = "[1]"},
      {.name = "rope_parameters.partial_rotary_factor",
       .verdict = refused,
       .note = kPart,
       .neutral = "[1]"},
      {.name = "rope_scaling.partial_rotary_factor",
       .verdict = refused,
       .note = kPart,
       .neutral = "[1]"},
      {.name = "layer_types",
       .verdict = refused,
       .note = "every layer attends to all that came before",
       .neutral = "[\"full_attention\"]"},
      {.name = "is_decoder"},
      {.name = "is_llama_config"},
      {"max_sequence_length"},
      {"max_window_layers"},                 // of use_sliding_window
      {"original_max_position_embeddings"},  // default and linear rope do not need it
      {"pretraining_tp"},                    // how a product was cut in training
      {"rope_interleaved"},                  // of another program; transformers does not read it
      {"rope_scaling.finetuned"},
      {"rope_scaling.original_max_position_embeddings"},  // linear does not need it
      {"rope_parameters.original_max_position_embeddings"},
      {"sliding_window"},  // of use_sliding_window
      {.name = "use_sliding_window",
       .verdict = refused,
       .note = "windows in some layers are not supported",
       .neutral = "[false]"},
  };
  return table;
}

}  // namespace weir::folder
