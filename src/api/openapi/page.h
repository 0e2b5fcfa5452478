#pragma once

#include <string>

#include "api/codec/json_reader.h"

namespace weir::api {

/// An OpenAPI document as one page of HTML: no script, nothing from elsewhere. `base` is the URL
/// before the paths, for the commands of curl.
std::string docs_page(const Json& document, const std::string& base);

/// What the page needs of a browser, for the header Content-Security-Policy.
inline constexpr const char* kPagePolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

}  // namespace weir::api
