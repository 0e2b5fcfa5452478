#pragma once

#include <memory>
#include <string>

#include "api/openai/generation_text.h"
#include "weir/api/api.h"
#include "weir/api/call.h"

namespace weir::api::openai {

/// Answers with a generation: in one body, or as server-sent events if the client asked for a
/// stream.
Result<Said> answer_generation(const Call& call, const Api& api,
                               std::unique_ptr<serve::Generation> generation, AnswerShape shape);

/// The shape of a new answer: a new id, the time, the model and its fingerprint.
AnswerShape new_shape(const Call& call, Api& api, AnswerForm form, const std::string& model);

}  // namespace weir::api::openai
