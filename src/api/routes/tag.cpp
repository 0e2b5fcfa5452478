// POST /v1/tag: labelled spans.
#include "api/answer/dry_run.h"
#include "api/answer/readings.h"
#include "api/codec/reading_requests.h"
#include "api/codec/texts.h"
#include "api/codec/unsupported.h"
#include "api/routes/handlers.h"
#include "api/routes/read_and_answer.h"
#include "api/routes/schemas.h"
#include "api/schema/request_fields.h"

namespace weir::api {
namespace {

Json tag_request() {
  using namespace schema;
  return request(joined(
      {model_field(), FieldList{texts_field()}, aggregation_fields(),
       FieldList{{.name = "truncate",
                  .schema = flag(),
                  .description = "Cut an input to the model's limit, instead of reading it in "
                                 "overlapping windows.",
                  .by_default = false}},
       handling_fields(), unsupported_fields(Endpoint::reading)}));
}

Json tag_answer() {
  Json whole = list_answer({{.name = "spans", .schema = spans_schema(), .required = true}});
  return schema::any_of({std::move(whole), dry_run_answer()});
}

}  // namespace

Result<DecodedReading> decode_tag(const std::string& body, UnknownFields& unknown) {
  DecodedReading decoded;
  auto done = decode(body, unknown, [&](Fields& fields) {
    decoded.ask.model = read_model(fields);
    read_texts_to_read(fields, decoded.ask);
    decoded.ask.options = serve::Tag{.aggregation = read_aggregation(fields),
                                     .truncate = fields.flag("truncate").value_or(false)};
    decoded.handling = read_handling(fields);
    read_unsupported(fields, Endpoint::reading);
  });
  if (!done) return done.error();
  return decoded;
}

Result<Said> post_tag(Call& call, Api& api) {
  return read_and_answer(call, api, decode_tag, {.id = "tag-"},
                         [](std::string& out, const serve::Answer& answer, const DecodedReading&) {
                           append_spans(out += R"(,"spans":)", std::get<serve::Spans>(answer));
                         });
}

constinit const RouteSchema kTag{
    .summary = "Finds spans of texts: names, places and what else a model's labels name.",
    .description = "start and end count code points of the input.",
    .request = tag_request,
    .example = R"({"input":"Angela Merkel met Barack Obama in Berlin."})",
    .answer = tag_answer,
    .errors = kModelErrors};

}  // namespace weir::api
