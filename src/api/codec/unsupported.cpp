#include "api/codec/unsupported.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/schema/request_fields.h"
#include "weir/base/excerpt.h"

namespace weir::api {
namespace {

/// The values at which a field does nothing. null does nothing in every field and is not listed.
struct Nothing {
  bool (*is)(const Json&);
  const char* schema;  // of these values
};

constexpr Nothing kNull{[](const Json&) { return false; }, R"({"type":"null"})"};
constexpr Nothing kFalse{[](const Json& v) { return v == false; }, R"({"const":false})"};
constexpr Nothing kTrue{[](const Json& v) { return v == true; }, R"({"const":true})"};
constexpr Nothing kFlag{[](const Json& v) { return v.is_boolean(); }, R"({"type":"boolean"})"};
constexpr Nothing kOne{[](const Json& v) { return v.is_number() && v.get<double>() == 1; },
                       R"({"const":1})"};
constexpr Nothing kEmpty{[](const Json& v) {
                           if (v.is_array()) return v.empty();
                           return v.is_object() &&
                                  std::all_of(v.begin(), v.end(),
                                              [](const Json& member) { return member.is_null(); });
                         },
                         R"({"anyOf":[{"type":"array","maxItems":0},
                 {"type":"object","additionalProperties":{"type":"null"}}]})"};
constexpr Nothing kEmptyText{[](const Json& v) { return v == ""; }, R"({"const":""})"};
constexpr Nothing kTextFormat{
    [](const Json& v) {
      if (!v.is_object() || !v.contains("type")) return false;
      for (const auto& [name, member] : v.items())
        if (name == "type" ? member != "text" : !member.is_null()) return false;
      return true;
    },
    R"({"type":"object","required":["type"],"properties":{"type":{"const":"text"}},
        "additionalProperties":{"type":"null"}})"};
constexpr Nothing kTextOnly{[](const Json& v) { return v == Json{"text"}; },
                            R"({"const":["text"]})"};
constexpr Nothing kNoneOrAuto{[](const Json& v) { return v == "none" || v == "auto"; },
                              R"({"enum":["none","auto"]})"};
constexpr Nothing kNone{[](const Json& v) { return v == "none"; }, R"({"const":"none"})"};
constexpr Nothing kMedium{[](const Json& v) { return v == "medium"; }, R"({"const":"medium"})"};

struct Unsupported {
  const char* name;
  const Nothing& nothing;
  bool chat, completion, embedding;
};

constexpr std::array kUnsupported{
    Unsupported{"best_of", kOne, true, true, false},
    Unsupported{"use_beam_search", kFalse, true, true, false},
    Unsupported{"return_tokens_as_token_ids", kFalse, true, true, false},
    Unsupported{"echo", kFalse, true, false, false},
    Unsupported{"suffix", kEmptyText, false, true, false},
    Unsupported{"logits_processors", kEmpty, true, true, false},
    Unsupported{"spaces_between_special_tokens", kTrue, true, true, false},
    Unsupported{"truncate_prompt_tokens", kNull, true, true, false},
    Unsupported{"prompt_embeds", kNull, false, true, false},
    Unsupported{"response_format", kTextFormat, true, true, false},
    Unsupported{"structured_outputs", kEmpty, true, true, false},
    Unsupported{"guided_json", kNull, true, true, false},
    Unsupported{"guided_regex", kNull, true, true, false},
    Unsupported{"guided_choice", kNull, true, true, false},
    Unsupported{"guided_grammar", kNull, true, true, false},
    Unsupported{"guided_decoding_backend", kNull, true, true, false},
    Unsupported{"guided_whitespace_pattern", kNull, true, true, false},
    Unsupported{"cache_salt", kNull, true, true, false},
    Unsupported{"kv_transfer_params", kNull, true, true, false},
    Unsupported{"tools", kEmpty, true, false, false},
    Unsupported{"tool_choice", kNoneOrAuto, true, false, false},
    Unsupported{"parallel_tool_calls", kFlag, true, false, false},
    Unsupported{"functions", kEmpty, true, false, false},
    Unsupported{"function_call", kNoneOrAuto, true, false, false},
    Unsupported{"audio", kNull, true, false, false},
    Unsupported{"modalities", kTextOnly, true, false, false},
    Unsupported{"prediction", kNull, true, false, false},
    Unsupported{"reasoning_effort", kNone, true, false, false},
    Unsupported{"include_reasoning", kTrue, true, false, false},
    Unsupported{"verbosity", kMedium, true, false, false},
    Unsupported{"web_search_options", kNull, true, false, false},
    Unsupported{"documents", kEmpty, true, false, false},
    Unsupported{"chat_template", kNull, true, false, false},
    Unsupported{"continue_final_message", kFalse, true, false, false},
    Unsupported{"mm_processor_kwargs", kNull, true, false, true},
    Unsupported{"normalize", kTrue, false, false, true},
    Unsupported{"embed_dtype", kNull, false, false, true},
};

bool belongs(const Unsupported& field, Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::chat:
      return field.chat;
    case Endpoint::completion:
      return field.completion;
    case Endpoint::embedding:
      return field.embedding;
    case Endpoint::reading:
      return false;
  }
  return false;
}

// Fields that cannot change an answer; api.md lists them.
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
    if (!value || field.nothing.is(*value)) continue;
    refuse(fmt::format("\"{}\" is not supported", field.name), field.name,
           error_name::kUnsupportedParameter);
  }
  read_harmless(fields);
}

namespace schema {

FieldList unsupported_fields(Endpoint endpoint) {
  FieldList fields;
  for (const Unsupported& field : kUnsupported) {
    if (!belongs(field, endpoint)) continue;
    fields.push_back({.name = field.name,
                      .schema = Json::parse(field.nothing.schema),
                      .description = "Not supported: taken where it does nothing."});
  }
  constexpr const char* kNoEffect = "Has no effect.";
  for (const char* name : {"user", "safety_identifier", "prompt_cache_key"})
    fields.push_back({.name = name, .schema = text(), .description = kNoEffect});
  fields.push_back({.name = "metadata", .schema = any_object(), .description = kNoEffect});
  fields.push_back({.name = "store", .schema = only(false), .description = kNoEffect});
  fields.push_back(
      {.name = "service_tier", .schema = choice({"auto", "default"}), .description = kNoEffect});
  return fields;
}

}  // namespace schema

}  // namespace weir::api
