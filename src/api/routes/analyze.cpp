// POST /v1/analyze: several answers to a text that the model reads once.
#include "api/answer/readings.h"
#include "api/openai/vector_text.h"
#include "api/routes/handlers.h"
#include "api/routes/read_and_answer.h"
#include "api/routes/reading_route.h"
#include "api/routes/schemas.h"

namespace weir::api {
namespace {

schema::FieldList embed_fields() {
  using namespace schema;
  return {dimensions_field(), encoding_format_field()};
}

/// At least one task.
Json tasks_schema() {
  using namespace schema;
  const FieldList tasks{{.name = "embed", .schema = request(embed_fields())},
                        {.name = "classify", .schema = request(classify_fields())},
                        {.name = "tag", .schema = request(aggregation_fields())}};
  std::vector<Json> with;
  for (size_t i = 0; i < tasks.size(); ++i) {
    FieldList wanted = tasks;
    wanted[i].required = true;
    with.push_back(request(wanted));
  }
  return any_of(std::move(with));
}

Json analyze_request() {
  return reading_request(
      {}, {{.name = "tasks",
            .schema = tasks_schema(),
            .description = "What is asked of each input, with the fields of /v1/embeddings, "
                           "/v1/classify and /v1/tag.",
            .required = true},
           {.name = "truncate",
            .schema = schema::flag(),
            .description = "Cut an input to the model's limit.",
            .by_default = false}});
}

Json analyze_answer() {
  using namespace schema;
  Json vector = any_of({list(any_number()), text()});
  return reading_answer({{.name = "embedding", .schema = std::move(vector)},
                         {.name = "labels", .schema = labels_schema()},
                         {.name = "spans", .schema = spans_schema()}});
}

serve::Embed read_embed(Fields fields, bool& base64) {
  serve::Embed embed{.dimensions = read_dimensions(fields)};
  base64 = read_encoding_format(fields);
  fields.no_others();
  return embed;
}

serve::Classify read_classify_of(Fields fields) {
  const serve::Classify classify = read_classify(fields);
  fields.no_others();
  return classify;
}

serve::Tag read_tag_of(Fields fields) {
  const serve::Tag tag{.aggregation = read_aggregation(fields)};
  fields.no_others();
  return tag;
}

serve::Analyze read_tasks(Fields& fields, bool& base64) {
  serve::Analyze analyze;
  fields.required("tasks");
  Fields tasks = fields.inner(*fields.object("tasks"), "tasks");
  if (const Json* embed = tasks.object("embed"))
    analyze.embed = read_embed(tasks.inner(*embed, "tasks.embed"), base64);
  if (const Json* classify = tasks.object("classify"))
    analyze.classify = read_classify_of(tasks.inner(*classify, "tasks.classify"));
  if (const Json* tag = tasks.object("tag"))
    analyze.tag = read_tag_of(tasks.inner(*tag, "tasks.tag"));
  tasks.no_others();
  if (!analyze.embed && !analyze.classify && !analyze.tag)
    refuse("tasks names none of embed, classify, tag", "tasks", error_name::kInvalidValue);
  return analyze;
}

void append_analysis(std::string& out, const serve::Analysis& analysis, bool base64) {
  if (analysis.vector) openai::append_vector(out += R"(,"embedding":)", *analysis.vector, base64);
  if (analysis.labels) append_labels(out += R"(,"labels":)", *analysis.labels);
  if (analysis.spans) append_spans(out += R"(,"spans":)", *analysis.spans);
}

}  // namespace

Result<DecodedAnalysis> decode_analyze(const std::string& body, UnknownFields& unknown) {
  const auto read = [](Fields& fields, DecodedAnalysis& decoded) {
    serve::Analyze analyze = read_tasks(fields, decoded.base64);
    analyze.truncate = fields.flag("truncate").value_or(false);
    return analyze;
  };
  return decode_reading<DecodedAnalysis>(body, unknown, {}, read);
}

Result<Said> post_analyze(Call& call, Api& api) {
  return read_and_answer(
      call, api, decode_analyze, {.id = "ana-"},
      [](std::string& out, const serve::Answer& answer, const DecodedAnalysis& asked) {
        append_analysis(out, std::get<serve::Analysis>(answer), asked.base64);
      });
}

constinit const RouteSchema kAnalyze{
    .summary = "Several answers to each text, which the model reads once and charges once.",
    .request = analyze_request,
    .example =
        R"({"input":"Berlin is lovely.","tasks":{"classify":{},"tag":{},"embed":{"dimensions":8}}})",
    .answer = analyze_answer,
    .errors = kModelErrors};

}  // namespace weir::api
