#pragma once

#include <array>
#include <mutex>
#include <span>
#include <string>

#include "api/codec/json_reader.h"
#include "weir/api/route.h"

namespace weir::api {

/// The routes as an OpenAPI 3.1 document: every parameter, body, answer and error of each.
Json openapi_document(std::span<const Route> routes, const Api& api);

/// The documents of one Api. Each is made once, when it is first asked for, since any client may
/// ask often. Thread-safe.
class Documents {
 public:
  struct Document {
    Json json;
    std::string text;
  };
  /// The document for now: with keys or without. REQUIRES: each call gives the same `api`.
  const Document& now(const Api& api);

 private:
  std::array<std::once_flag, 2> made_;
  std::array<Document, 2> documents_;
};

}  // namespace weir::api
