// POST /v1/classify: labels with their scores.
#include "api/answer/readings.h"
#include "api/routes/handlers.h"
#include "api/routes/read_and_answer.h"
#include "api/routes/reading_route.h"
#include "api/routes/schemas.h"

namespace weir::api {
namespace {

constexpr TextsRule kTexts{.pairs = true};

Json classify_request() {
  return reading_request(kTexts, schema::joined({classify_fields(), schema::truncation_fields()}));
}

Json classify_answer() {
  return reading_answer({{.name = "labels", .schema = labels_schema(), .required = true}});
}

}  // namespace

Result<DecodedReading> decode_classify(const std::string& body, UnknownFields& unknown) {
  const auto read = [](Fields& fields, DecodedReading&) {
    serve::Classify classify = read_classify(fields);
    classify.truncation = read_truncation(fields);
    return classify;
  };
  return decode_reading<DecodedReading>(body, unknown, kTexts, read);
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
