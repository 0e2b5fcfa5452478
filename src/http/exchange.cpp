#include "http/exchange.h"

#include "http/answer/event_stream.h"
#include "http/guarded_stream.h"

namespace weir::http {

Exchange::Exchange(Daemon& of, int connection) : daemon(of), socket(connection) {}
Exchange::~Exchange() = default;

bool Exchange::gone() const { return peer_gone(socket); }

}  // namespace weir::http
