#pragma once

#include <string>

#include "http/codec/unknown_fields.h"
#include "http/exchange.h"
#include "weir/base/result.h"

namespace weir::http {

/// Decodes the body of an exchange, where its preparation runs work. Its ignored fields are noted,
/// and told in the answer's header.
template <class Decoded>
Result<Decoded> read_request(Exchange& exchange,
                             Result<Decoded> (*decode)(const std::string&, UnknownFields&)) {
  UnknownFields unknown(exchange.daemon.unknown_fields);
  auto decoded = serve::prepared(exchange.caller, [&] { return decode(exchange.body, unknown); });
  exchange.daemon.ignored_fields.note(unknown);
  exchange.ignored_fields = unknown.header();
  return decoded;
}

}  // namespace weir::http
