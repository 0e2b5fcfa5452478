#include <httplib.h>

#include "http/answer/answer.h"
#include "http/answer/dry_run.h"
#include "http/codec/requests.h"
#include "http/read_request.h"
#include "http/route.h"

namespace weir::http {

Result<void> post_completions(Exchange& exchange, httplib::Response& response) {
  auto completion = read_request(exchange, decode_completion);
  if (!completion) return completion.error();
  exchange.body = {};
  apply(completion->handling, exchange.caller);
  if (exchange.dry_run) {
    return answer_dry_run(exchange, response, completion->request,
                          completion->presentation.return_token_ids);
  }
  exchange.asked = true;
  auto generation = exchange.daemon.service.complete(completion->request, exchange.caller);
  if (!generation) return generation.error();
  // The prompts' text is needed no more, and its generation may take long.
  completion->request = {};
  exchange.caller.preparation.reset();
  auto shape =
      new_shape(exchange, Dialect::completion, completion->presentation, (*generation)->model());
  return answer_generation(exchange, response, *std::move(generation), std::move(shape));
}

}  // namespace weir::http
