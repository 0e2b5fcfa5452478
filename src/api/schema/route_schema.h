#pragma once

#include <array>
#include <span>

#include "api/schema/schema.h"
#include "weir/base/result.h"

namespace weir::api {

/// What a route takes and answers, for GET /openapi.json and GET /docs. It is constant data beside
/// the route's handler; the table of routes (src/api/routes.cpp) names it.
///
/// A new route: its codec says the fields that it reads once more as `request`, and its texts what
/// they write as `answer`, both in the words of src/api/schema/schema.h. A test asks the codec
/// which fields it reads, and sends it values in and out of what the schema allows
/// (tests/api/schema_test.cpp): a new body is one line there.
struct RouteSchema {
  const char* summary;
  const char* description = "";
  Json (*request)() = nullptr;      // the body; null: it takes none
  const char* example = nullptr;    // a body
  Json (*answer)() = nullptr;       // of 200; null: no JSON
  const char* text_type = nullptr;  // another Content-Type that 200 can have
  const char* text = "";            // what stands in it
  Json (*event)() = nullptr;        // of a stream that 200 can be: what each event's data holds
  schema::FieldList (*query)() = nullptr;
  std::span<const Code> errors = {};  // beside those that every route of its kind can give
  bool answers_503 = false;           // with the body of 200, where it has bad news
};

/// Errors of routes that ask a model.
inline constexpr std::array kModelErrors{
    Code::permission_denied, Code::not_found,   Code::rate_limited, Code::never_fits,
    Code::overloaded,        Code::unavailable, Code::deadline,     Code::internal};

}  // namespace weir::api
