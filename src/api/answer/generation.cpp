#include "api/answer/generation.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/answer/generation_body.h"
#include "weir/serve/client_looks.h"

namespace weir::api {
namespace {

void append(std::vector<ChoiceText>& choices, serve::Delta delta) {
  ChoiceText& choice = choices.at(delta.choice);
  choice.text += delta.text;
  choice.token_ids.insert(choice.token_ids.end(), delta.token_ids.begin(), delta.token_ids.end());
  std::move(delta.logprobs.begin(), delta.logprobs.end(), std::back_inserter(choice.logprobs));
  if (!delta.prompt_logprobs.empty()) choice.prompt_logprobs = std::move(delta.prompt_logprobs);
  if (delta.end) choice.end = *delta.end;
}

}  // namespace

Result<std::vector<ChoiceText>> collect(const Call& call, serve::Generation& generation) {
  std::vector<ChoiceText> choices(generation.prompts().size());
  generation.wait_for_end();
  for (serve::ClientLooks looks;;) {
    auto next = generation.next(looks.next());
    if (!next) return next.error();
    if (*next) append(choices, std::move(**next));
    if (generation.done()) return choices;
    if (call.caller.gone()) return Error{.code = Code::cancelled, .message = "the client left"};
  }
}

Result<Said> answer_stream(const Call& call, const Api& api,
                           std::unique_ptr<serve::Generation> generation,
                           std::unique_ptr<StreamForm> form) {
  Said said{.headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}},
            .type = std::string(form->type())};
  auto body = std::make_unique<GenerationBody>(call, api, std::move(generation), std::move(form));
  if (auto begun = body->begin(); !begun) return begun.error();
  said.body = std::move(body);
  return said;
}

}  // namespace weir::api
