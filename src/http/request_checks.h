#pragma once

#include <httplib.h>

#include <optional>
#include <string>
#include <string_view>

#include "weir/api/route.h"
#include "weir/base/result.h"
#include "weir/serve/service.h"

namespace weir::http {

/// Makes `/path` of a target `http://host/path`, whose host goes before that of the header (RFC
/// 9112 3.2.2).
void use_absolute_target(httplib::Request& request);
/// Refuses what two parsers could read in two ways and what RequestHead lets pass, and paths over
/// 1 KiB. The connection is to be closed after an Error.
Result<void> check_framing(const httplib::Request& request);
/// Refuses a Content-Length over `most`.
Result<void> check_length(const httplib::Request& request, size_t most);
/// Refuses bodies that are coded or not JSON in UTF-8 by their content type.
Result<void> check_media(const httplib::Request& request);
/// `x-weir-max-wait-ms` and `x-weir-deadline-ms`.
Result<void> read_caller_headers(const httplib::Request& request, serve::Caller& caller);
/// `x-weir-dry-run`: true or false.
Result<bool> read_dry_run(const httplib::Request& request);
/// `x-weir-notes`: waiting.
Result<bool> read_notes(const httplib::Request& request);

/// The key that a request brings, where the dialect has it; empty: none.
std::string secret_of(const httplib::Request& request, const api::Dialect& dialect);
bool has_body(const httplib::Request& request);
/// Whether it says where its body ends.
bool is_framed(const httplib::Request& request);
/// The type of the body without parameters, as the client wrote it; empty: it gave none.
std::string media_type(const httplib::Request& request);
/// Whether two tokens are the same; they have no case.
bool is_same_word(std::string_view a, std::string_view b);
bool wants_close(const httplib::Request& request);
/// Whether a client's request id may be repeated in headers and the log.
bool is_sane_id(std::string_view id);
/// What of `path` stands for `{id}` at the pattern's end; empty for a plain match, nullopt for
/// none.
std::optional<std::string> match_path(std::string_view pattern, std::string_view path);

}  // namespace weir::http
