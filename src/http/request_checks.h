#pragma once

#include <httplib.h>

#include <optional>
#include <string>
#include <string_view>

#include "weir/api/route.h"
#include "weir/base/result.h"
#include "weir/serve/service.h"

namespace weir::http {

/// Turns a target `http://host/path` into `/path`. The target's host replaces the Host header (RFC
/// 9112 3.2.2).
void use_absolute_target(httplib::Request& request);
/// Refuses what two parsers could read in two ways, beyond what RequestHead refuses, and paths over
/// 1 KiB. The connection is to be closed after an Error.
Result<void> check_framing(const httplib::Request& request);
/// Refuses a Content-Length over `most`.
Result<void> check_length(const httplib::Request& request, size_t most);
/// Refuses bodies with a content coding, and bodies whose type is not JSON in UTF-8.
Result<void> check_media(const httplib::Request& request);
/// `x-weir-max-wait-ms` and `x-weir-deadline-ms`.
Result<void> read_caller_headers(const httplib::Request& request, serve::Caller& caller);
/// `x-weir-dry-run`: true or false.
Result<bool> read_dry_run(const httplib::Request& request);
/// `x-weir-notes`: waiting.
Result<bool> read_notes(const httplib::Request& request);

/// The key in the dialect's header; empty: none.
std::string secret_of(const httplib::Request& request, const api::Dialect& dialect);
bool has_body(const httplib::Request& request);
/// Whether the request says where its body ends.
bool is_framed(const httplib::Request& request);
/// The body's type without parameters, in the client's spelling; empty: none was given.
std::string media_type(const httplib::Request& request);
/// Whether two tokens are the same in any case.
bool is_same_word(std::string_view a, std::string_view b);
bool wants_close(const httplib::Request& request);
/// Whether a client's request id may be repeated in headers and the log.
bool is_sane_id(std::string_view id);
/// The part of `path` at the pattern's `{id}`. Empty: the pattern has no `{id}` and matches.
/// nullopt: no match.
std::optional<std::string> match_path(std::string_view pattern, std::string_view path);

}  // namespace weir::http
