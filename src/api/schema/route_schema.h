#pragma once

#include <array>
#include <span>

#include "api/schema/schema.h"
#include "weir/base/result.h"

namespace weir::api {

/// What a route takes and answers, for GET /openapi.json and GET /docs. It is constant data beside
/// the route's handler. The table of routes (src/api/routes.cpp) names it.
///
/// For a new route, `request` says once more which fields the codec reads, and `answer` what the
/// texts write, both with the functions of src/api/schema/schema.h. A test
/// (tests/api/schema_test.cpp) asks the codec which fields it reads, and sends it values inside and
/// outside of what the schema allows. A new body is one line there.
struct RouteSchema {
  const char* summary;
  const char* description = "";
  Json (*request)() = nullptr;      // the body; null: there is none
  const char* example = nullptr;    // a body
  Json (*answer)() = nullptr;       // the body of 200; null: no JSON
  const char* text_type = nullptr;  // another Content-Type that 200 may have
  const char* text = "";            // what such a body holds
  Json (*event)() = nullptr;        // the data of each event, if 200 may be a stream
  schema::FieldList (*query)() = nullptr;
  std::span<const Code> errors = {};  // beside those of every route of its kind
  bool answers_503 = false;           // with the body of 200, for bad news
};

/// Errors of routes that ask a model.
inline constexpr std::array kModelErrors{
    Code::permission_denied, Code::not_found,   Code::rate_limited, Code::never_fits,
    Code::overloaded,        Code::unavailable, Code::deadline,     Code::internal};

}  // namespace weir::api
