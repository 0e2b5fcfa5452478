// tokenizer_config.json. Special and added tokens are read in src/text, the end and the limit in
// src/serve.
#include "weir/folder/tables.h"

namespace weir::folder {

using enum Verdict;

FieldTable tokenizer_config_fields() {
  static constexpr KnownField table[] = {
      {.name = "added_tokens_decoder", .verdict = used},
      {.name = "additional_special_tokens", .verdict = used},
      {.name = "extra_special_tokens", .verdict = used},
      {.name = "chat_template", .verdict = used},
      {.name = "bos_token", .verdict = used},
      {.name = "eos_token", .verdict = used},
      {.name = "unk_token", .verdict = used},
      {.name = "sep_token", .verdict = used},
      {.name = "pad_token", .verdict = used},
      {.name = "cls_token", .verdict = used},
      {.name = "mask_token", .verdict = used},
      {.name = "model_max_length", .verdict = used},
      {.name = "split_special_tokens",
       .verdict = told,
       .note = "special tokens in a text are read as such",
       .neutral = "[false]"},
      {.name = "truncation_side",
       .verdict = told,
       .note = "what is cut is cut at the right",
       .neutral = "[\"right\"]"},
      // What tokenizer.json has already in it.
      {"add_bos_token"},
      {"add_eos_token"},
      {"add_prefix_space"},
      {"auto_map"},
      {"backend"},
      {"clean_up_tokenization_spaces"},  // of whole texts; a stream's pieces stay as they are
      {"do_basic_tokenize"},
      {"do_lower_case"},
      {"errors"},
      {"from_slow"},
      {"fix_mistral_regex"},
      {"is_local"},
      {"legacy"},
      {"local_files_only"},
      {"max_length"},
      {"max_len"},
      {"model_input_names"},
      {"name_or_path"},
      {"never_split"},
      {"pad_to_multiple_of"},
      {"pad_token_type_id"},
      {"padding_side"},
      {"processor_class"},
      {"response_schema"},
      {"return_token_type_ids"},
      {"sp_model_kwargs"},
      {"spaces_between_special_tokens"},
      {"special_tokens_map_file"},
      {"stride"},
      {"strip_accents"},
      {"tokenize_chinese_chars"},
      {"tokenizer_class"},
      {"tokenizer_file"},
      {"token_type_ids_*"},
      {"truncation_strategy"},
      {"use_default_system_prompt"},
      {"use_fast"},
      {"vocab_file"},
      {"merges_file"},
      {"vocab_size"},
      {"_*"},
  };
  return table;
}

}  // namespace weir::folder
