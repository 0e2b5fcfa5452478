#include "api/answer/answer.h"
#include "api/answer/dry_run.h"
#include "api/codec/requests.h"
#include "api/openai/answer.h"
#include "api/openai/handlers.h"
#include "api/read_request.h"

namespace weir::api::openai {

Result<Said> post_completions(Call& call, Api& api) {
  auto completion = read_request(call, api, decode_completion);
  if (!completion) return completion.error();
  call.body = {};
  apply(completion->handling, call.caller);
  if (call.dry_run) {
    return answer_dry_run(call, api, completion->ask, completion->presentation.return_token_ids);
  }
  auto generation = api.service.start(std::move(completion->ask), call.caller);
  if (!generation) return generation.error();
  // It bounds the request's texts. They are no longer needed.
  call.caller.preparation.reset();
  auto shape = new_shape(call, api, AnswerForm::completion, (*generation)->model());
  shape.presentation = completion->presentation;
  return answer_generation(call, api, *std::move(generation), std::move(shape));
}

}  // namespace weir::api::openai
