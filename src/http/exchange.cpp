#include "http/exchange.h"

#include "http/body_writer.h"
#include "http/guarded_stream.h"

namespace weir::http {
namespace {

constexpr int kClientLeft = 499;

}  // namespace

Exchange::Exchange(ServerState& of, int connection) : state(of), socket(connection) {}
Exchange::~Exchange() = default;

bool Exchange::gone() const { return peer_gone(socket); }

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
