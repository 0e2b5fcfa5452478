#include "api/openai/answer_schemas.h"

#include "api/answer/dry_run.h"
#include "api/openai/error_text.h"

namespace weir::api::openai {
namespace {

using namespace schema;

Field must(const char* name, Json schema) {
  return {.name = name, .schema = std::move(schema), .required = true};
}

Json ids() { return list(count()); }

Json usage() {
  return answer({must("prompt_tokens", count()), must("completion_tokens", count()),
                 must("total_tokens", count()),
                 must("prompt_tokens_details", answer({must("cached_tokens", count())}))});
}

Json object_of(Json value) {
  Json schema = any_object();
  schema["additionalProperties"] = std::move(value);
  return schema;
}

FieldList token() {
  return {must("token", text()), must("logprob", any_number()),
          must("bytes", list(integer(0, 255)))};
}

Json chat_logprobs() {
  Json tokens =
      list(answer(joined({token(), FieldList{must("top_logprobs", list(answer(token())))}})));
  return answer({must("content", std::move(tokens)), must("refusal", null())});
}

Json completion_logprobs() {
  return answer({must("text_offset", list(count())),
                 must("token_logprobs", list(or_null(any_number()))), must("tokens", list(text())),
                 must("top_logprobs", list(or_null(object_of(any_number()))))});
}

Json prompt_logprobs() {
  Json token = answer({must("logprob", any_number()), must("rank", integer(1, INT32_MAX)),
                       must("decoded_token", text())});
  return list(or_null(object_of(std::move(token))));
}

// The fields that both kinds of choices have.
FieldList choice_fields(Json logprobs) {
  return {must("index", count()),
          must("logprobs", any_of({std::move(logprobs), null()})),
          must("finish_reason", choice({"stop", "length"})),
          must("stop_reason", any_of({text(), count(), null()})),
          {.name = "token_ids", .schema = ids()}};
}

FieldList head(const char* object, Json choice) {
  return {must("id", text()),
          must("object", only(object)),
          must("created", count()),
          must("model", text()),
          must("system_fingerprint", or_null(text())),
          must("choices", list(std::move(choice))),
          must("usage", usage())};
}

FieldList chunk_choice_fields(Json logprobs) {
  return {must("index", count()),
          must("logprobs", any_of({std::move(logprobs), null()})),
          must("finish_reason", or_null(choice({"stop", "length"}))),
          {.name = "stop_reason", .schema = any_of({text(), count(), null()})},
          {.name = "token_ids", .schema = ids()}};
}

FieldList chunk_fields(const char* object, Json choice) {
  Json so_far = answer({must("prompt_tokens", count()), must("completion_tokens", count()),
                        must("total_tokens", count())});
  Json timings = answer({must("queue_ms", any_number()), must("prefill_ms", any_number()),
                         must("decode_ms", any_number())});
  FieldList fields = head(object, std::move(choice));
  fields.back() = {.name = "usage", .schema = any_of({usage(), std::move(so_far), null()})};
  fields.push_back({.name = "timings", .schema = std::move(timings)});
  return fields;
}

Json chunk_or_error(Json chunk) { return any_of({std::move(chunk), Json::parse(kErrorSchema)}); }

FieldList model_fields() {
  return {must("id", text()), must("object", only("model")), must("created", count()),
          must("owned_by", only("weir"))};
}

Json tasks() { return list(choice({"generate", "embed", "classify", "tag"})); }

}  // namespace

Json chat_answer() {
  Json message =
      answer({must("role", only("assistant")), must("content", text()), must("refusal", null())});
  Json choice = answer(
      joined({choice_fields(chat_logprobs()), FieldList{must("message", std::move(message))}}));
  Json whole =
      answer(joined({head("chat.completion", std::move(choice)),
                     FieldList{{.name = "prompt_token_ids", .schema = ids()},
                               {.name = "prompt_logprobs", .schema = prompt_logprobs()}}}));
  return any_of({std::move(whole), dry_run_answer()});
}

Json chat_chunk() {
  Json delta = answer(
      {{.name = "role", .schema = only("assistant")}, {.name = "content", .schema = text()}});
  FieldList choice = chunk_choice_fields(chat_logprobs());
  choice.push_back(must("delta", std::move(delta)));
  FieldList fields = chunk_fields("chat.completion.chunk", answer(choice));
  fields.push_back({.name = "prompt_token_ids", .schema = ids()});
  return chunk_or_error(answer(fields));
}

Json completion_chunk() {
  FieldList choice = chunk_choice_fields(completion_logprobs());
  choice.push_back(must("text", text()));
  choice.push_back({.name = "prompt_token_ids", .schema = ids()});
  choice.push_back({.name = "decoder_prompt_token_ids", .schema = ids()});
  return chunk_or_error(answer(chunk_fields("text_completion", answer(choice))));
}

Json completion_answer() {
  Json choice =
      answer(joined({choice_fields(completion_logprobs()),
                     FieldList{must("text", text()),
                               {.name = "prompt_token_ids", .schema = ids()},
                               {.name = "decoder_prompt_token_ids", .schema = ids()},
                               {.name = "prompt_logprobs", .schema = prompt_logprobs()}}}));
  return any_of({answer(head("text_completion", std::move(choice))), dry_run_answer()});
}

Json embedding_answer() {
  Json vector = answer({must("object", only("embedding")), must("index", count()),
                        must("embedding", any_of({list(any_number()), text()}))});
  Json whole = answer(
      {must("id", text()), must("object", only("list")), must("created", count()),
       must("model", text()), must("data", list(std::move(vector))),
       must("usage", answer({must("prompt_tokens", count()), must("total_tokens", count())}))});
  return any_of({std::move(whole), dry_run_answer()});
}

Json model_answer() {
  Json ready =
      answer(joined({model_fields(), FieldList{must("kind", choice({"generate", "embed"})),
                                               must("tasks", tasks()),
                                               must("max_model_len", count()),
                                               {.name = "max_source_len", .schema = count()},
                                               must("architecture", text()),
                                               must("dtype", text())}}));
  Json failed =
      answer(joined({model_fields(), FieldList{must("kind", or_null(choice({"generate", "embed"}))),
                                               {.name = "tasks", .schema = tasks()},
                                               must("state", only("failed")),
                                               must("reason", text())}}));
  return any_of({std::move(ready), std::move(failed)});
}

Json models_answer() {
  return answer({must("object", only("list")), must("data", list(model_answer()))});
}

}  // namespace weir::api::openai
