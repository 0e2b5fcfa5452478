#include "api/answer/generation.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/answer/generation_body.h"

namespace weir::api {
namespace {

// A client that has left is noticed within this time.
constexpr std::chrono::milliseconds kLook{150};

}  // namespace

Result<std::vector<ChoiceText>> collect(const Call& call, serve::Generation& generation) {
  std::vector<ChoiceText> choices(generation.prompts().size());
  generation.wait_for_end();
  while (!generation.done()) {
    if (call.caller.gone()) return Error{.code = Code::cancelled, .message = "the client left"};
    auto next = generation.next(kLook);
    if (!next) return next.error();
    if (!*next) continue;
    serve::Delta& delta = **next;
    ChoiceText& choice = choices.at(delta.choice);
    choice.text += delta.text;
    choice.token_ids.insert(choice.token_ids.end(), delta.token_ids.begin(), delta.token_ids.end());
    std::move(delta.logprobs.begin(), delta.logprobs.end(), std::back_inserter(choice.logprobs));
    if (!delta.prompt_logprobs.empty()) choice.prompt_logprobs = std::move(delta.prompt_logprobs);
    if (delta.end) choice.end = *delta.end;
  }
  return choices;
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
