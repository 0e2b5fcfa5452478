#pragma once

#include <string>

#include "weir/base/result.h"

namespace httplib {
struct Response;
}

namespace weir::http {

/// How an Error looks to a client; `type` may point into it. `code` may be null, as OpenAI's is for
/// a wrong request.
struct ErrorShape {
  int status;
  const char* type;
  const char* code;
};
ErrorShape shape_of(const Error& error);

/// `{"error":{"message","type","param","code"}}`. What an internal error says stays in the log.
std::string error_body(const Error& error);

/// Body, status and the headers that tell clients where they stood, and whether and when to try
/// again. `overload_status` is that of Code::overloaded.
void write_error(const Error& error, int overload_status, httplib::Response& response);

}  // namespace weir::http
