#include "ticket.h"

#include <spdlog/spdlog.h>

#include "usage_account.h"

namespace weir::serve {

std::string_view code_word(Code code) {
  switch (code) {
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::unauthenticated:
      return "unauthenticated";
    case Code::permission_denied:
      return "permission_denied";
    case Code::not_found:
      return "not_found";
    case Code::method_not_allowed:
      return "method_not_allowed";
    case Code::too_large:
      return "too_large";
    case Code::unsupported_media:
      return "unsupported_media";
    case Code::rate_limited:
      return "rate_limited";
    case Code::never_fits:
      return "never_fits";
    case Code::overloaded:
      return "overloaded";
    case Code::unavailable:
      return "unavailable";
    case Code::deadline:
      return "deadline";
    case Code::cancelled:
      return "cancelled";
    case Code::internal:
      return "internal";
  }
  return "internal";
}

std::string_view finish_word(FinishReason reason) {
  return reason == FinishReason::stop ? "stop" : "length";
}

std::string_view finish_word(Code code) {
  return code == Code::cancelled || code == Code::deadline ? "abort" : "error";
}

void log_end(const Ticket& ticket, size_t rows, const Usage& usage, std::string_view finish) {
  spdlog::info(
      "request id={} key={} model={} task={} rows={} prompt={} cached={} completion={} wait_ms={} "
      "queue_ms={:.1f} prefill_ms={:.1f} decode_ms={:.1f} finish={}{}{}",
      ticket.request_id, ticket.key->name, ticket.model_name(), ticket.task, rows,
      usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, ticket.waited.count(),
      usage.queue_ms, usage.prefill_ms, usage.decode_ms, finish,
      ticket.response_cache ? " response_cache=" : "",
      ticket.response_cache ? ticket.response_cache : "");
}

void log_refusal(const Refused& refused) {
  const Code code = refused.reason.code;
  const bool quotes_client = code == Code::invalid_argument || code == Code::not_found;
  spdlog::info("refused id={} key={} model={} code={} reason=\"{}\"", refused.request_id,
               refused.key, refused.model, code_word(code),
               quotes_client ? refused.reason.param : refused.reason.message);
}

void note_refusal(const Ticket& ticket, const Error& error) {
  log_refusal({.request_id = ticket.request_id,
               .key = ticket.key->name,
               .model = ticket.model_name(),
               .reason = error});
  ticket.model->series.refused(error.code);
  record_refusal({.ledger = ticket.ledger,
                  .key = *ticket.key,
                  .model = ticket.model_name(),
                  .waited = ticket.waited},
                 error.code);
}

namespace {

Error timeout_passed(std::chrono::milliseconds timeout, const std::string& when) {
  return {.code = Code::deadline,
          .message =
              "the request's timeout of " + std::to_string(timeout.count()) + " ms passed " + when};
}

}  // namespace

Error deadline_passed(const Ticket& ticket, uint32_t completion_tokens) {
  return timeout_passed(*ticket.timeout,
                        "after " + std::to_string(completion_tokens) + " completion tokens");
}

Error deadline_passed(std::chrono::milliseconds timeout) {
  return timeout_passed(timeout, "while it was read and tokenized");
}

double milliseconds_of(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace weir::serve
