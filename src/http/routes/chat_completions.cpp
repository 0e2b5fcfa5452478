#include <httplib.h>

#include "http/answer/answer.h"
#include "http/answer/dry_run.h"
#include "http/codec/requests.h"
#include "http/read_request.h"
#include "http/route.h"

namespace weir::http {

Result<void> post_chat_completions(Exchange& exchange, httplib::Response& response) {
  auto chat = read_request(exchange, decode_chat);
  if (!chat) return chat.error();
  exchange.body = {};
  apply(chat->handling, exchange.caller);
  if (exchange.dry_run) {
    return answer_dry_run(exchange, response, chat->request, chat->presentation.return_token_ids);
  }
  exchange.asked = true;
  auto generation = exchange.daemon.service.chat(chat->request, exchange.caller);
  if (!generation) return generation.error();
  // The prompts' text is needed no more, and its generation may take long.
  chat->request = {};
  exchange.caller.preparation.reset();
  auto shape = new_shape(exchange, Dialect::chat, chat->presentation, (*generation)->model());
  return answer_generation(exchange, response, *std::move(generation), std::move(shape));
}

}  // namespace weir::http
