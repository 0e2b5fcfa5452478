#pragma once

#include <memory>
#include <string>

#include "http/answer/generation_text.h"
#include "http/exchange.h"
#include "weir/base/result.h"

namespace httplib {
struct Response;
}

namespace weir::http {

/// Answers with a generation: all at once, or as server-sent events if the client asked for a
/// stream. The head of a stream goes out with its first event: a piece, a comment to a client that
/// waits, or a ping; what fails before is an Error here.
Result<void> answer_generation(Exchange& exchange, httplib::Response& response,
                               std::unique_ptr<serve::Generation> generation, AnswerShape shape);

/// 200 with a JSON body.
void answer_json(httplib::Response& response, std::string body);
void set_server_timing(httplib::Response& response, const serve::Usage& usage);

/// The shape of a new answer: a fresh id that starts with `id_prefix`, the time, the model and its
/// fingerprint.
AnswerShape new_shape(Exchange& exchange, Dialect dialect, const Presentation& presentation,
                      const std::string& model);
int64_t unix_seconds();

/// What the body says of how the request is to be treated; of two deadlines the earlier counts.
void apply(const Handling& handling, serve::Caller& caller);

}  // namespace weir::http
