// POST /v1/classify: labels with their scores.
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

constexpr TextsRule kTexts{.pairs = true};

Json classify_request() {
  using namespace schema;
  return request(
      joined({model_field(), FieldList{texts_field(kTexts)}, classify_fields(), truncation_fields(),
              handling_fields(), unsupported_fields(Endpoint::reading)}));
}

Json classify_answer() {
  Json whole = list_answer({{.name = "labels", .schema = labels_schema(), .required = true}});
  return schema::any_of({std::move(whole), dry_run_answer()});
}

}  // namespace

Result<DecodedReading> decode_classify(const std::string& body, UnknownFields& unknown) {
  DecodedReading decoded;
  auto done = decode(body, unknown, [&](Fields& fields) {
    decoded.ask.model = read_model(fields);
    read_texts_to_read(fields, decoded.ask, kTexts);
    serve::Classify classify = read_classify(fields);
    classify.truncation = read_truncation(fields);
    decoded.ask.options = classify;
    decoded.handling = read_handling(fields);
    read_unsupported(fields, Endpoint::reading);
  });
  if (!done) return done.error();
  return decoded;
}

Result<Said> post_classify(Call& call, Api& api) {
  return read_and_answer(call, api, decode_classify, {.id = "class-"},
                         [](std::string& out, const serve::Answer& answer, const DecodedReading&) {
                           append_labels(out += R"(,"labels":)",
                                         std::get<serve::ScoredLabels>(answer));
                         });
}

constinit const RouteSchema kClassify{
    .summary = "Labels texts, or pairs of texts, with their scores.",
    .description =
        "The scores are softmax, sigmoid where a model's labels do not exclude each "
        "other, or the number itself of a regression.",
    .request = classify_request,
    .example = R"({"input":["I love this phone.","It broke after a day."]})",
    .answer = classify_answer,
    .errors = kModelErrors};

}  // namespace weir::api
