#include "api/routes/schemas.h"

#include <array>

#include "api/schema/request_fields.h"
#include "weir/serve/service.h"

namespace weir::api {
namespace {

using namespace schema;

Field must(const char* name, Json schema) {
  return {.name = name, .schema = std::move(schema), .required = true};
}

Field strings_too() {
  return {.name = "return_token_strs",
          .schema = flag(),
          .description = "Show the text of each token.",
          .by_default = false};
}

// A field of the other form of the body: it must be absent here.
Field absent(const char* name) { return {.name = name, .schema = null()}; }

Json tokenize_request() {
  const FieldList of_text{{.name = "prompt", .schema = text(), .required = true},
                          absent("messages"),
                          {.name = "add_special_tokens",
                           .schema = flag(),
                           .description = "BOS and the like, as the tokenizer says.",
                           .by_default = true}};
  const FieldList of_chat{
      absent("prompt"),
      {.name = "continue_final_message", .schema = only(false), .by_default = false}};
  return any_of({request(joined({model_field(), of_text, {strings_too()}})),
                 request(joined({model_field(), template_fields(), of_chat, {strings_too()}}))});
}

Json tokenize_answer() {
  return answer({must("model", text()),
                 must("count", count()),
                 must("max_model_len", count()),
                 {.name = "max_source_len", .schema = count()},
                 must("tokens", list(count())),
                 {.name = "token_strs", .schema = list(text())}});
}

Json detokenize_request() {
  return request(joined({model_field(), FieldList{{.name = "tokens",
                                                   .schema = token_ids(0),
                                                   .description = "At most 1048576.",
                                                   .required = true}}}));
}

Json detokenize_answer() { return answer({must("prompt", text())}); }

Json usage_answer() {
  FieldList row{must("day", text()), must("key", text()), must("model", text())};
  for (const serve::UsageField& field : serve::usage_fields())
    row.push_back(must(field.name, count()));
  return answer({must("object", only("list")), must("data", list(answer(row)))});
}

FieldList usage_query() {
  Json day = text();
  day["format"] = "date";
  return {{.name = "from",
           .schema = day,
           .description = "The first day, in UTC. Default: the first of the month of `to`."},
          {.name = "to",
           .schema = day,
           .description = "The last day, at most 366 after the first. Default: today."},
          {.name = "key",
           .schema = text(),
           .description = "Rows of this key only; with the scope admin."},
          {.name = "model", .schema = text(), .description = "Rows of this model only."},
          {.name = "format",
           .schema = choice({"json", "csv"}),
           .description = "Default: as the header Accept says."}};
}

Json health_answer() { return answer({must("status", choice({"ok", "stalled"}))}); }

Json ready_answer() {
  Json model = answer({must("name", text()),
                       must("phase", text()),
                       must("percent", integer(0, 100)),
                       must("estimated_seconds", or_null(count())),
                       {.name = "reason", .schema = text()}});
  return answer({must("status", choice({"ready", "loading", "draining", "stalled"})),
                 must("models", list(std::move(model)))});
}

Json version_answer() { return answer({must("version", text())}); }

constexpr std::array kUsageErrors{Code::permission_denied, Code::not_found};

}  // namespace

constinit const RouteSchema kTokenize{.summary = "Text, or a conversation, to token ids.",
                                      .request = tokenize_request,
                                      .example = R"({"prompt":"Name the three primary colors."})",
                                      .answer = tokenize_answer,
                                      .errors = kModelErrors};

constinit const RouteSchema kDetokenize{.summary = "Token ids to text.",
                                        .request = detokenize_request,
                                        .example = R"({"tokens":[1,2,3]})",
                                        .answer = detokenize_answer,
                                        .errors = kModelErrors};

constinit const RouteSchema kUsage{.summary = "What keys used of models, by day.",
                                   .description = "404 without --data-dir.",
                                   .answer = usage_answer,
                                   .text_type = "text/csv",
                                   .text = "The same rows, with format=csv or Accept: text/csv.",
                                   .query = usage_query,
                                   .errors = kUsageErrors};

constinit const RouteSchema kHealth{
    .summary = "Whether the process can work.", .answer = health_answer, .answers_503 = true};

constinit const RouteSchema kReady{
    .summary = "Whether new work is taken, and the progress of each model.",
    .answer = ready_answer,
    .answers_503 = true};

constinit const RouteSchema kMetrics{
    .summary = "Prometheus's text format.", .text_type = "text/plain", .text = "Metrics."};

constinit const RouteSchema kVersion{.summary = "The daemon's version.", .answer = version_answer};

constinit const RouteSchema kOpenApi{.summary = "This document.", .answer = any_object};

constinit const RouteSchema kDocs{
    .summary = "This document as a page.", .text_type = "text/html", .text = "The page."};

}  // namespace weir::api
