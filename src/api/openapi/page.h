#pragma once

#include <string>

#include "api/codec/json_reader.h"

namespace weir::api {

/// An OpenAPI document as one page of HTML. The page has no script and loads nothing. `base`: the
/// URL before the paths, for the commands of curl.
std::string docs_page(const Json& document, const std::string& base);

/// The header Content-Security-Policy of the page: it allows only what the page needs.
inline constexpr const char* kPagePolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

}  // namespace weir::api
