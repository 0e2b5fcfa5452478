#include "http/exchange.h"

#include "http/body_writer.h"
#include "http/guarded_stream.h"
#include "weir/serve/request_line.h"

namespace weir::http {
namespace {

constexpr int kClientLeft = 499;

// The log has no text of clients. A message about a wrong field may quote such text.
const std::string& loggable(const Error& error) {
  const bool quotes =
      error.code == Code::invalid_argument || error.code == Code::not_found || !error.param.empty();
  return quotes ? error.param : error.message;
}

}  // namespace

Exchange::Exchange(ServerState& of, int connection) : state(of), socket(connection) {}
Exchange::~Exchange() = default;

bool Exchange::gone() const { return peer_gone(socket); }

void Exchange::refused(const Error& error) {
  failure = loggable(error);
  call.caller.line->wire.refusal = error.code;
}

void Exchange::write_line(std::chrono::duration<double> spent) {
  serve::RequestLine::Wire& wire = call.caller.line->wire;
  wire.id = call.caller.request_id;
  wire.peer = peer;
  wire.status = status;
  wire.took = spent;
  wire.failure = failure;
  wire.quiet = route && route->access == api::Access::open;
  call.caller.line.reset();
}

void Exchange::end_body() {
  if (!body) return;
  if (!body->ended()) {
    status = kClientLeft;
    failure = "the client left";
  } else if (!body->failure().empty()) {
    failure = body->failure();
  }
  body.reset();
}

}  // namespace weir::http
