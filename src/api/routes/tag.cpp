// POST /v1/tag: labelled spans.
#include "api/answer/readings.h"
#include "api/routes/handlers.h"
#include "api/routes/read_and_answer.h"
#include "api/routes/reading_route.h"
#include "api/routes/schemas.h"

namespace weir::api {
namespace {

Json tag_request() {
  schema::FieldList own = aggregation_fields();
  own.push_back({.name = "truncate",
                 .schema = schema::flag(),
                 .description = "Cut an input to the model's limit, instead of reading it in "
                                "overlapping windows.",
                 .by_default = false});
  return reading_request({}, std::move(own));
}

Json tag_answer() {
  return reading_answer({{.name = "spans", .schema = spans_schema(), .required = true}});
}

}  // namespace

Result<DecodedReading> decode_tag(const std::string& body, UnknownFields& unknown) {
  const auto read = [](Fields& fields, DecodedReading&) {
    return serve::Tag{.aggregation = read_aggregation(fields),
                      .truncate = fields.flag("truncate").value_or(false)};
  };
  return decode_reading<DecodedReading>(body, unknown, {}, read);
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
