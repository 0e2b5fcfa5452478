#include "api/answer/dry_run.h"

#include "api/answer/answer.h"
#include "api/answer/answer_error.h"
#include "api/json_text.h"
#include "api/openai/error_text.h"

namespace weir::api {
namespace {

std::string& append_field(std::string& out, const char* name, int64_t value) {
  append_json(out, name) += ':';
  return append_json(out, value);
}

// `whose`: the beginning of the fields' names.
void append_tokens(std::string& out, const std::string& whose, std::span<const int32_t> tokens,
                   bool ids) {
  append_field(out, (whose + "tokens").c_str(), static_cast<int64_t>(tokens.size()));
  if (!ids) return;
  append_json(out += ',', whose + "token_ids") += ':';
  append_json(out, tokens);
}

void append_prompt(std::string& out, const serve::DryRun::Prompt& prompt, bool ids) {
  out += R"({"prompt":)";
  append_json(out, prompt.text) += ',';
  if (prompt.pair) append_json(out += R"("pair":)", *prompt.pair) += ',';
  append_tokens(out, "", prompt.tokens.ids, ids);
  if (!prompt.tokens.decoder_ids.empty()) {
    append_json(out += R"(,"decoder_prompt":)", prompt.decoder_text) += ',';
    append_tokens(out, "decoder_", prompt.tokens.decoder_ids, ids);
  }
  out += '}';
}

void append_bucket(std::string& out, const serve::DryRun::Bucket& bucket) {
  out += R"({"owner":)";
  append_json(out, bucket.owner) += R"(,"unit":)";
  append_json(out, bucket.unit) += R"(,"window":)";
  bucket.window.empty() ? out += "null" : append_json(out, bucket.window);
  append_field(out += ',', "cap", bucket.cap);
  append_field(out += ',', "remaining", bucket.remaining);
  append_field(out += ',', "reset_ms", bucket.full_in.count()) += '}';
}

template <class Values, class Append>
void append_list(std::string& out, const char* name, const Values& values, Append append) {
  append_json(out, name) += ":[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append(values[i]);
  }
  out += ']';
}

// Appends the status and the error that the answer would have.
void append_refusal(std::string& out, const Error& error, const Api& api) {
  append_field(out += '{', "status", status_of(error, api)) += ',';
  out += std::string_view(openai::error_body(error)).substr(1);
}

std::string dry_run_text(const serve::DryRun& dry, bool ids, const Api& api) {
  std::string out = R"({"object":"dry_run","model":)";
  append_json(out, dry.model) += ',';
  append_list(out, "prompts", dry.prompts,
              [&](const serve::DryRun::Prompt& prompt) { append_prompt(out, prompt, ids); });
  int64_t tokens = 0;
  for (const auto& prompt : dry.prompts) tokens += static_cast<int64_t>(prompt.tokens.size());
  append_field(out += ',', "prompt_tokens", tokens) += R"(,"charge":{)";
  append_field(out, "requests", dry.requests) += ',';
  append_field(out, "input_tokens", dry.input_tokens) += ',';
  append_field(out, "output_tokens", dry.output_tokens) += "},";
  append_list(out, "limits", dry.limits,
              [&](const serve::DryRun::Bucket& bucket) { append_bucket(out, bucket); });
  out += R"(,"predicted_wait_ms":{)";
  append_field(out, "gate", dry.gate_wait.count()) += ',';
  append_field(out, "queue", dry.queue_wait.count()) += "},";
  append_field(out, "queue_position", static_cast<int64_t>(dry.queue_position));
  out += R"(,"would_be":)";
  dry.refusal ? append_refusal(out, *dry.refusal, api) : void(out += R"("admitted")");
  return out += '}';
}

}  // namespace

Result<Said> answer_dry_run(Call& call, Api& api, const serve::Ask& ask, bool ids) {
  auto dry = api.service.dry_run(ask, call.caller);
  if (!dry) return dry.error();
  return answer_json(dry_run_text(*dry, ids, api));
}

Json dry_run_answer() {
  using namespace schema;
  const auto must = [](const char* name, Json value) {
    return Field{.name = name, .schema = std::move(value), .required = true};
  };
  Json prompt = answer({must("prompt", text()),
                        {.name = "pair", .schema = text()},
                        must("tokens", count()),
                        {.name = "token_ids", .schema = list(count())},
                        {.name = "decoder_prompt", .schema = text()},
                        {.name = "decoder_tokens", .schema = count()},
                        {.name = "decoder_token_ids", .schema = list(count())}});
  Json limit = answer({must("owner", text()), must("unit", text()), must("window", or_null(text())),
                       must("cap", count()), must("remaining", {{"type", "integer"}}),
                       must("reset_ms", count())});
  Json refusal = answer({must("status", count()), must("error", any_object())});
  return answer({must("object", only("dry_run")), must("model", text()),
                 must("prompts", list(std::move(prompt))), must("prompt_tokens", count()),
                 must("charge", answer({must("requests", count()), must("input_tokens", count()),
                                        must("output_tokens", count())})),
                 must("limits", list(std::move(limit))),
                 must("predicted_wait_ms", answer({must("gate", count()), must("queue", count())})),
                 must("queue_position", count()),
                 must("would_be", any_of({only("admitted"), refusal}))});
}

}  // namespace weir::api
