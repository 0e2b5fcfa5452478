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
  open,  // no key; answered also above the cap of connections and while draining
  key,   // wants a key
  work,  // wants a key; refused while draining
};

struct RouteSchema;  // what a route takes and answers: src/api/schema/route_schema.h

/// What the routes of one dialect have in common, beside their handlers.
struct Dialect {
  std::string_view name;
  /// An error as JSON. The message of an internal error stays in the log.
  std::string (*error_body)(const Error&);
  std::string_view error_schema;  // JSON Schema of error_body's text
  /// The header with the client's key. The key stands after `secret_scheme` and a blank; alone if
  /// `secret_scheme` is empty.
  std::string_view secret_header, secret_scheme;
};

/// What a route asks of a model.
struct Asks {
  serve::Tasks tasks = {};    // a model with one of these can be asked; empty: no head is asked
  bool conversation = false;  // the model has a chat template and is no encoder-decoder
};

/// One endpoint. `handle` returns the answer, or the error that becomes the answer.
struct Route {
  std::string_view method, path;  // a path may end in {id}
  Access access;
  const Dialect* dialect;
  Result<Said> (*handle)(Call&, Api&);
  const RouteSchema* schema;
  bool dry_run = false;  // takes the header x-weir-dry-run
  Asks asks = {};
};

std::span<const Route> routes();

/// Waits for the call's turn of its preparation, and lets the route handle the call. At the end the
/// body and the preparation are freed.
Result<Said> answer(const Route& route, Call& call, Api& api);
/// An error in the route's dialect. Its headers tell the client its place in line, and whether and
/// when to try again. `route`: null if none was found.
Said answer_error(const Error& error, const Route* route, const Api& api);
/// Headers of the answer to a call, also of an error: the notes of the service, and the ignored
/// fields. Moves them out of the call.
HeaderLines take_told_headers(Call& call);

}  // namespace weir::api
