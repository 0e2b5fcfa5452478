#include "http/answer/answer.h"

#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "http/answer/event_stream.h"
#include "http/json_text.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;

// How soon a lost client is noticed.
constexpr milliseconds kLook{150};

Result<void> answer_whole(Exchange& exchange, httplib::Response& response,
                          serve::Generation& generation, const AnswerShape& shape) {
  std::vector<Choice> choices(generation.prompts().size());
  while (!generation.done()) {
    if (exchange.caller.gone()) return Error{.code = Code::cancelled, .message = "the client left"};
    auto next = generation.next(kLook);
    if (!next) return next.error();
    if (!*next) continue;
    serve::Delta& delta = **next;
    Choice& choice = choices.at(delta.choice);
    choice.text += delta.text;
    choice.token_ids.insert(choice.token_ids.end(), delta.token_ids.begin(), delta.token_ids.end());
    std::move(delta.logprobs.begin(), delta.logprobs.end(), std::back_inserter(choice.logprobs));
    if (!delta.prompt_logprobs.empty()) choice.prompt_logprobs = std::move(delta.prompt_logprobs);
    if (delta.end) choice.end = *delta.end;
  }
  serve::Usage usage = generation.usage();
  set_server_timing(response, usage);
  answer_json(response, whole_answer(shape, generation.prompts(), choices, usage));
  return {};
}

}  // namespace

Result<void> answer_generation(Exchange& exchange, httplib::Response& response,
                               std::unique_ptr<serve::Generation> generation, AnswerShape shape) {
  if (!shape.presentation.stream) return answer_whole(exchange, response, *generation, shape);
  auto events = std::make_unique<EventStream>(exchange, std::move(generation), std::move(shape));
  if (auto begun = events->begin(); !begun) return begun;
  response.status = 200;
  response.set_header("Cache-Control", "no-cache");
  response.set_header("X-Accel-Buffering", "no");
  // Exactly this type: with a parameter behind it, proxies and libraries have taken it for
  // compressible text.
  constexpr const char* kType = "text/event-stream";
  // The library writes the head, and nothing of the body: that may be left to another thread.
  auto provide = [&exchange](size_t, httplib::DataSink&) {
    exchange.head_written = true;
    return false;
  };
  exchange.http_1_0 ? response.set_content_provider(kType, provide)
                    : response.set_chunked_content_provider(kType, provide);
  exchange.events = std::move(events);
  return {};
}

void answer_json(httplib::Response& response, std::string body) {
  response.status = 200;
  response.set_content(std::move(body), "application/json");
}

void set_server_timing(httplib::Response& response, const serve::Usage& usage) {
  response.set_header("Server-Timing",
                      fmt::format("queue;dur={:.3f}, prefill;dur={:.3f}, decode;dur={:.3f}",
                                  usage.queue_ms, usage.prefill_ms, usage.decode_ms));
}

AnswerShape new_shape(Exchange& exchange, Dialect dialect, const Presentation& presentation,
                      const std::string& model) {
  AnswerShape shape{.dialect = dialect, .presentation = presentation};
  shape.id = (dialect == Dialect::chat ? "chatcmpl-" : "cmpl-") + exchange.daemon.new_id();
  shape.created = unix_seconds();
  shape.model = model;
  for (const auto& info : exchange.daemon.service.models(exchange.caller)) {
    if (info.name == model) shape.fingerprint = info.fingerprint;
  }
  return shape;
}

int64_t unix_seconds() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

void apply(const Handling& handling, serve::Caller& caller) {
  const auto timeout = handling.timeout;
  if (timeout) caller.timeout = std::min(*timeout, caller.timeout.value_or(*timeout));
  caller.priority = handling.priority;
}

}  // namespace weir::http
