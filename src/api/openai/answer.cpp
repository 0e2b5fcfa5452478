#include "api/openai/answer.h"

#include <utility>

#include "api/answer/answer.h"
#include "api/answer/generation.h"

namespace weir::api::openai {

Result<Said> answer_generation(const Call& call, const Api& api,
                               std::unique_ptr<serve::Generation> generation, AnswerShape shape) {
  if (shape.presentation.stream) {
    auto form = std::make_unique<ChunkWriter>(std::move(shape), generation->prompts());
    return answer_stream(call, api, std::move(generation), std::move(form));
  }
  auto choices = collect(call, *generation);
  if (!choices) return choices.error();
  const serve::Usage usage = generation->usage();
  Said said = answer_json(whole_answer(shape, generation->prompts(), *choices, usage));
  add_server_timing(said, usage);
  return said;
}

AnswerShape new_shape(const Call& call, Api& api, AnswerForm form, const std::string& model) {
  AnswerShape shape{.form = form};
  shape.id = (form == AnswerForm::chat ? "chatcmpl-" : "cmpl-") + api.new_id();
  shape.created = unix_seconds();
  shape.model = model;
  shape.fingerprint = call.caller.notes.fingerprint;
  return shape;
}

}  // namespace weir::api::openai
