#include "ticket.h"

#include "usage_account.h"
#include "weir/serve/request_line.h"

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

void note_end(const Ticket& ticket, size_t rows, const Usage& usage, std::string_view finish) {
  if (!ticket.line) return;
  RequestLine::Work& work = ticket.line->work;
  work.rows = rows;
  work.usage = usage;
  work.waited = ticket.waited;
  work.finish = finish;
}

void note_refusal(const Ticket& ticket, const Error& error) {
  if (ticket.line) {
    ticket.line->work.waited = ticket.waited;
    ticket.line->work.refusal = error.code;
  }
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
