// POST /v1/classify: labels with their scores.
#include "api/answer/answer.h"
#include "api/answer/dry_run.h"
#include "api/answer/readings.h"
#include "api/codec/reading_requests.h"
#include "api/codec/texts.h"
#include "api/codec/unsupported.h"
#include "api/read_request.h"
#include "api/routes/handlers.h"
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
  auto asked = read_request(call, api, decode_classify);
  if (!asked) return asked.error();
  call.body = {};
  apply(asked->handling, call.caller);
  if (call.dry_run) return answer_dry_run(call, api, asked->ask, false);
  auto read = read_answers(call, api, std::move(asked->ask));
  if (!read) return read.error();
  return answer_list(api, *read, {.id = "class-"}, [](std::string& out, const auto& answer) {
    append_labels(out += R"(,"labels":)", std::get<serve::ScoredLabels>(answer));
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
