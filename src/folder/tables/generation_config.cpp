#include "weir/folder/tables.h"

namespace weir::folder {

using enum Verdict;

FieldTable generation_config_fields() {
  static constexpr std::string_view kPenalty = "of penalties only repetition_penalty is applied";
  static constexpr std::string_view kSearch = "tokens are sampled, nothing else is searched";
  static constexpr std::string_view kBeams = "beams are searched where a request asks for them";
  static constexpr std::string_view kLogits = "not applied to sampling";
  static constexpr std::string_view kLength = "lengths are those of requests";
  static constexpr KnownField table[] = {
      {.name = "decoder_start_token_id", .verdict = used},  // of encoder-decoders
      {.name = "frequency_penalty", .verdict = told, .note = kPenalty, .neutral = "[0]"},
      {.name = "presence_penalty", .verdict = told, .note = kPenalty, .neutral = "[0]"},
      {.name = "encoder_repetition_penalty", .verdict = told, .note = kPenalty, .neutral = "[1]"},
      {.name = "no_repeat_ngram_size", .verdict = told, .note = kBeams, .neutral = "[0]"},
      {.name = "encoder_no_repeat_ngram_size", .verdict = told, .note = kPenalty, .neutral = "[0]"},
      {.name = "exponential_decay_length_penalty", .verdict = told, .note = kPenalty},
      {.name = "length_penalty", .verdict = harmless},  // of beams
      {.name = "diversity_penalty", .verdict = harmless},
      {.name = "num_beams", .verdict = told, .note = kBeams, .neutral = "[1]"},
      {.name = "num_beam_groups", .verdict = told, .note = kSearch, .neutral = "[1]"},
      {.name = "penalty_alpha", .verdict = told, .note = kSearch, .neutral = "[0]"},
      {.name = "dola_layers", .verdict = told, .note = kSearch},
      {.name = "early_stopping", .verdict = harmless},
      {.name = "constraints", .verdict = told, .note = kSearch, .neutral = "[]"},
      {.name = "force_words_ids", .verdict = told, .note = kSearch, .neutral = "[]"},
      {.name = "typical_p", .verdict = told, .note = kLogits, .neutral = "[1]"},
      {.name = "epsilon_cutoff", .verdict = told, .note = kLogits, .neutral = "[0]"},
      {.name = "eta_cutoff", .verdict = told, .note = kLogits, .neutral = "[0]"},
      {.name = "top_h", .verdict = told, .note = kLogits},
      {.name = "bad_words_ids", .verdict = told, .note = kLogits, .neutral = "[]"},
      {.name = "suppress_tokens", .verdict = told, .note = kLogits, .neutral = "[]"},
      {.name = "begin_suppress_tokens", .verdict = told, .note = kLogits, .neutral = "[]"},
      {.name = "sequence_bias", .verdict = told, .note = kLogits, .neutral = "[[], {}]"},
      {.name = "guidance_scale", .verdict = told, .note = kLogits, .neutral = "[1]"},
      {.name = "forced_bos_token_id", .verdict = told, .note = kLogits},
      {.name = "forced_eos_token_id", .verdict = told, .note = kLogits},
      {.name = "watermarking_config", .verdict = told, .note = kLogits},
      {.name = "stop_strings",
       .verdict = told,
       .note = "only a request's stop ends a text",
       .neutral = "[\"\"]"},
      {.name = "min_length", .verdict = told, .note = kLength, .neutral = "[0]"},
      {.name = "min_new_tokens", .verdict = told, .note = kLength, .neutral = "[0]"},
      {.name = "max_length", .verdict = harmless},  // of prompt and text: the model's own length
      {.name = "max_time", .verdict = told, .note = kLength},
      {.name = "do_sample", .verdict = harmless},  // the temperature decides
      {.name = "num_return_sequences", .verdict = harmless},
      {"_*"},
      {"assistant_*"},
      {"bos_token_id"},
      {"cache_config"},
      {"cache_implementation"},
      {"chat_format"},
      {"compile_config"},
      {"disable_compile"},
      {"is_assistant"},
      {"low_memory"},
      {"max_matching_ngram_size"},
      {"max_window_size"},
      {"num_assistant_tokens"},
      {"num_assistant_tokens_schedule"},
      {"output_attentions"},
      {"output_hidden_states"},
      {"output_logits"},
      {"output_scores"},
      {"pad_token_id"},
      {"prefill_chunk_size"},
      {"prompt_lookup_num_tokens"},
      {"remove_invalid_values"},
      {"renormalize_logits"},
      {"return_dict_in_generate"},
      {"return_legacy_cache"},
      {"target_lookbehind"},
      {"token_healing"},
      {"transformers_version"},
      {"trust_remote_code"},
      {"use_cache"},
      {"use_model_defaults"},
  };
  return table;
}

}  // namespace weir::folder
