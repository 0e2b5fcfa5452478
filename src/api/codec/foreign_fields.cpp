#include "api/codec/foreign_fields.h"

#include <algorithm>
#include <array>

namespace weir::api {
namespace {

struct Program {
  std::string_view name, fields;  // separated by blanks
};

// The fields come from the programs' documents and sources. A field that several programs know
// stands at the program that it comes from.
constexpr std::array kPrograms{
    Program{"OpenAI",
            "id object created index finish_reason parsed status phase moderation modality images "
            "instructions include input prompt text reasoning reasoning_summary truncation "
            "background conversation previous_response_id max_output_tokens max_tool_calls "
            "prompt_cache_retention call_id thread_id file_ids output arguments strict "
            "tool_resources assistant_id attachments image_url input_audio file"},
    Program{"Azure OpenAI",
            "data_sources dataSources enhancements content_filter_results prompt_filter_results "
            "user_security_context"},
    Program{"Anthropic",
            "cache_control thinking system stop_sequences max_tokens_to_sample anthropic_version "
            "anthropic_beta betas citations signature stop_sequence container mcp_servers "
            "context_management tool_use_id is_error output_config output_format"},
    Program{"vLLM",
            "request_id chat_template_content_format vllm_xargs detokenize structural_tag "
            "lora_request data_parallel_rank media_io_kwargs thinking_token_budget stop_reason "
            "token_ids prompt_token_ids softmax activation use_activation endianness pooling"},
    Program{"SGLang",
            "regex ebnf separate_reasoning stream_reasoning lora_path session_params "
            "return_hidden_states rid custom_logit_processor custom_params no_stop_trim "
            "bootstrap_host bootstrap_port bootstrap_room matched_stop sampling_params input_ids "
            "return_logprob top_logprobs_num logprob_start_len"},
    Program{"llama.cpp",
            "n_predict n_keep n_probs n_discard n_indent n_cmpl min_keep cache_prompt id_slot "
            "slot_id t_max_predict_ms t_max_prompt_ms dynatemp_range dynatemp_exponent typical_p "
            "tfs_z repeat_penalty repeat_last_n penalize_nl dry_multiplier dry_base "
            "dry_allowed_length dry_penalty_last_n dry_sequence_breakers xtc_probability "
            "xtc_threshold mirostat mirostat_tau mirostat_eta grammar grammar_lazy "
            "grammar_triggers preserved_tokens json_schema samplers post_sampling_probs "
            "response_fields lora timings_per_token return_progress return_tokens image_data "
            "input_prefix input_suffix input_extra reasoning_format thinking_forced_open "
            "parse_tool_calls chat_format top_n_sigma with_pieces add_special parse_special "
            "timings adaptive_target adaptive_decay"},
    Program{"Ollama",
            "num_ctx num_predict num_keep num_batch num_gpu main_gpu low_vram num_thread num_gqa "
            "use_mmap use_mlock vocab_only f16_kv numa keep_alive options format think raw "
            "template context penalize_newline draft_num_predict tool_name logits_all "
            "embedding_only rope_frequency_base rope_frequency_scale done_reason"},
    Program{"TGI",
            "inputs parameters decoder_input_details details do_sample max_new_tokens "
            "return_full_text top_n_tokens watermark adapter_id tool_prompt guideline use_cache "
            "wait_for_model"},
    Program{"TEI", "truncation_direction prompt_name raw_scores texts"},
    Program{"LiteLLM",
            "provider_specific_fields reasoning_content thinking_blocks drop_params "
            "additional_drop_params allowed_openai_params api_base api_key api_version api_type "
            "base_url custom_llm_provider num_retries max_retries fallbacks "
            "context_window_fallback_dict mock_response litellm_metadata litellm_call_id "
            "litellm_session_id litellm_trace_id litellm_params tags guardrails cache caching "
            "no-log force_timeout verbose hf_model_name input_cost_per_token output_cost_per_token "
            "request_timeout extra_headers extra_body headers model_info preset_cache_key "
            "ssl_verify deployment_id organization merge_reasoning_content_in_choices"},
    Program{"LangChain",
            "additional_kwargs response_metadata usage_metadata invalid_tool_calls "
            "tool_call_chunks example artifact lc kwargs streaming model_name model_kwargs "
            "output_version"},
    Program{"LlamaIndex", "blocks block_type chunk_size context_window is_chat_model"},
    Program{"OpenRouter",
            "transforms models route provider usage plugins reasoning_details top_a debug "
            "session_id trace native_finish_reason image_config prompt_tokens completion_tokens"},
    Program{"Mistral",
            "safe_prompt random_seed prefix prompt_mode document_image_limit document_page_limit "
            "output_dimension output_dtype"},
    Program{"Cohere",
            "input_type embedding_types preamble connectors citation_options citation_quality "
            "safety_mode strict_tools chat_history query top_n"},
    Program{"Jina", "task late_chunking embedding_type return_multivector"},
    Program{"NVIDIA NIM", "nvext"},
    Program{"Groq",
            "search_settings exclude_domains include_domains compound_custom "
            "disable_tool_validation executed_tools"},
    Program{"xAI", "search_parameters deferred"},
    Program{"DeepSeek", "prompt_cache_hit_tokens prompt_cache_miss_tokens"},
    Program{"Together", "safety_model context_length_exceeded_behavior compliance"},
    Program{"Fireworks",
            "prompt_truncate_len perf_metrics_in_response prompt_cache_isolation_key raw_output "
            "reasoning_history mirostat_lr mirostat_target"},
    Program{"Perplexity",
            "search_domain_filter search_recency_filter search_mode return_images "
            "return_related_questions return_citations"},
    Program{"Qwen",
            "enable_thinking thinking_budget enable_search search_options incremental_output "
            "result_format partial"},
    Program{"Gemini",
            "google safety_settings thought_signature extra_content cached_content "
            "generation_config"},
    Program{"text-generation-webui",
            "mode character instruction_template preset max_tokens_second auto_max_new_tokens "
            "truncation_length smoothing_factor smoothing_curve epsilon_cutoff eta_cutoff "
            "guidance_scale negative_prompt penalty_alpha encoder_repetition_penalty "
            "no_repeat_ngram_size repetition_penalty_range temperature_last dynamic_temperature "
            "dynatemp_low dynatemp_high custom_token_bans ban_eos_token add_bos_token "
            "sampler_priority num_beams early_stopping"},
    Program{"KoboldCpp",
            "rep_pen rep_pen_range rep_pen_slope typical tfs max_length max_context_length quiet "
            "sampler_order sampler_seed use_default_badwordsids genkey memory trim_stop "
            "render_special"},
    Program{"LM Studio", "ttl draft_model"},
    Program{"Open WebUI",
            "chat_id background_tasks features variables model_item tool_ids tool_servers files "
            "filter_ids params"},
    Program{"TensorRT-LLM",
            "disaggregated_params prompt_ignore_length top_p_min beam_width end_id pad_id"},
    Program{"Vercel AI SDK",
            "providerOptions providerMetadata experimental_attachments toolInvocations parts "
            "createdAt"},
};

bool has_word(std::string_view words, std::string_view word) {
  for (size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || words[at - 1] == ' ';
    if (begins && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

}  // namespace

std::string_view program_of(std::string_view field) {
  if (field.empty() || field.find(' ') != std::string_view::npos) return {};
  const auto at = std::find_if(kPrograms.begin(), kPrograms.end(), [&](const Program& program) {
    return has_word(program.fields, field);
  });
  return at == kPrograms.end() ? std::string_view() : at->name;
}

}  // namespace weir::api
