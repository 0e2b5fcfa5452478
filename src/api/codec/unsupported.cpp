#include "api/codec/unsupported.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "weir/base/excerpt.h"

namespace weir::api {
namespace {

using Test = bool (*)(const Json&);

// Tests for a value at which a field does nothing. null always does nothing and is not asked about.
bool never(const Json&) { return false; }
bool is_false(const Json& v) { return v.is_boolean() && !v.get<bool>(); }
bool is_true(const Json& v) { return v.is_boolean() && v.get<bool>(); }
bool is_flag(const Json& v) { return v.is_boolean(); }
bool is_one(const Json& v) { return v.is_number() && v.get<double>() == 1; }
bool is_empty(const Json& v) {
  if (v.is_array()) return v.empty();
  return v.is_object() &&
         std::all_of(v.begin(), v.end(), [](const Json& member) { return member.is_null(); });
}
bool is_empty_text(const Json& v) { return v == ""; }
bool is_text_format(const Json& v) {
  if (!v.is_object() || !v.contains("type")) return false;
  for (const auto& [name, member] : v.items())
    if (name == "type" ? member != "text" : !member.is_null()) return false;
  return true;
}
bool is_text_only(const Json& v) { return v == Json{"text"}; }
bool is_none_or_auto(const Json& v) { return v == "none" || v == "auto"; }
bool is_none(const Json& v) { return v == "none"; }
bool is_medium(const Json& v) { return v == "medium"; }

struct Unsupported {
  const char* name;
  Test does_nothing;
  bool chat, completion, embedding;
};

constexpr std::array kUnsupported{
    Unsupported{"n", is_one, true, true, false},
    Unsupported{"best_of", is_one, true, true, false},
    Unsupported{"use_beam_search", is_false, true, true, false},
    Unsupported{"length_penalty", is_one, true, true, false},
    Unsupported{"return_tokens_as_token_ids", is_false, true, true, false},
    Unsupported{"echo", is_false, true, false, false},
    Unsupported{"suffix", is_empty_text, false, true, false},
    Unsupported{"logits_processors", is_empty, true, true, false},
    Unsupported{"spaces_between_special_tokens", is_true, true, true, false},
    Unsupported{"truncate_prompt_tokens", never, true, true, false},
    Unsupported{"prompt_embeds", never, false, true, false},
    Unsupported{"response_format", is_text_format, true, true, false},
    Unsupported{"structured_outputs", is_empty, true, true, false},
    Unsupported{"guided_json", never, true, true, false},
    Unsupported{"guided_regex", never, true, true, false},
    Unsupported{"guided_choice", never, true, true, false},
    Unsupported{"guided_grammar", never, true, true, false},
    Unsupported{"guided_decoding_backend", never, true, true, false},
    Unsupported{"guided_whitespace_pattern", never, true, true, false},
    Unsupported{"cache_salt", never, true, true, false},
    Unsupported{"kv_transfer_params", never, true, true, false},
    Unsupported{"tools", is_empty, true, false, false},
    Unsupported{"tool_choice", is_none_or_auto, true, false, false},
    Unsupported{"parallel_tool_calls", is_flag, true, false, false},
    Unsupported{"functions", is_empty, true, false, false},
    Unsupported{"function_call", is_none_or_auto, true, false, false},
    Unsupported{"audio", never, true, false, false},
    Unsupported{"modalities", is_text_only, true, false, false},
    Unsupported{"prediction", never, true, false, false},
    Unsupported{"reasoning_effort", is_none, true, false, false},
    Unsupported{"include_reasoning", is_true, true, false, false},
    Unsupported{"verbosity", is_medium, true, false, false},
    Unsupported{"web_search_options", never, true, false, false},
    Unsupported{"documents", is_empty, true, false, false},
    Unsupported{"chat_template", never, true, false, false},
    Unsupported{"continue_final_message", is_false, true, false, false},
    Unsupported{"mm_processor_kwargs", never, true, false, true},
    Unsupported{"normalize", is_true, false, false, true},
    Unsupported{"embed_dtype", never, false, false, true},
};

bool belongs(const Unsupported& field, Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::chat:
      return field.chat;
    case Endpoint::completion:
      return field.completion;
    case Endpoint::embedding:
      return field.embedding;
  }
  return false;
}

// What cannot change an answer, as api.md lists it.
void read_harmless(Fields& fields) {
  fields.text("user");
  fields.object("metadata");
  fields.text("safety_identifier");
  fields.text("prompt_cache_key");
  if (fields.flag("store").value_or(false)) {
    refuse("\"store\": true is not supported", "store", error_name::kUnsupportedValue);
  }
  std::string tier = fields.text("service_tier").value_or("auto");
  if (tier != "auto" && tier != "default") {
    refuse(fmt::format("service_tier \"{}\" is not supported; the tiers are auto, default",
                       excerpt(tier)),
           "service_tier", error_name::kUnsupportedValue);
  }
}

}  // namespace

void read_unsupported(Fields& fields, Endpoint endpoint) {
  for (const Unsupported& field : kUnsupported) {
    if (!belongs(field, endpoint)) continue;
    const Json* value = fields.find(field.name);
    if (!value || field.does_nothing(*value)) continue;
    refuse(fmt::format("\"{}\" is not supported", field.name), field.name,
           error_name::kUnsupportedParameter);
  }
  read_harmless(fields);
}

}  // namespace weir::api
