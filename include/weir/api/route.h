#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "weir/api/api.h"
#include "weir/api/call.h"
#include "weir/base/result.h"

namespace weir::api {

enum class Access : uint8_t {
  open,  // no key; answered over the cap of connections and while draining
  key,   // wants a key
  work,  // wants a key; refused while draining
};

struct RouteSchema;  // what a route takes and answers: src/api/schema/route_schema.h

/// What routes of one family have in common, beyond what their handlers say.
struct Dialect {
  std::string_view name;
  /// An error as JSON. What an internal error says stays in the log.
  std::string (*error_body)(const Error&);
  std::string_view error_schema;  // of that, as JSON Schema
  /// The header that brings a client's key; the key stands behind `scheme` and a blank, or alone
  /// where `scheme` is empty.
  std::string_view secret_header, secret_scheme;
};

/// One endpoint. `handle` answers, or returns the error that is to be answered.
struct Route {
  std::string_view method, path;  // a path may end in {id}
  Access access;
  const Dialect* dialect;
  Result<Said> (*handle)(Call&, Api&);
  const RouteSchema* schema;
  bool dry_run = false;  // can say what it would do
};

std::span<const Route> routes();

/// Takes the call's turn at its preparation, and lets its route handle it. Gives back body and
/// preparation.
Result<Said> answer(const Route& route, Call& call, Api& api);
/// An error in the route's dialect, with the headers that tell clients where they stood, and
/// whether and when to try again. `route`: null if none was found.
Said answer_error(const Error& error, const Route* route, const Api& api);
/// Headers of the answer to a call, be it an error or not: what the service has noted, and which
/// fields were ignored. Takes them out of the call.
HeaderLines take_told_headers(Call& call);

}  // namespace weir::api
