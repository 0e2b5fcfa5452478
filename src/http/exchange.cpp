#include "http/exchange.h"

#include "http/guarded_stream.h"

namespace weir::http {

bool Exchange::gone() const { return peer_gone(socket); }

}  // namespace weir::http
