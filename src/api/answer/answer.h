#pragma once

#include <cstdint>
#include <string>

#include "api/codec/requests.h"
#include "weir/api/call.h"

namespace weir::api {

/// 200 with a JSON body.
Said answer_json(std::string body);
/// The header Server-Timing.
void add_server_timing(Said& said, const serve::Usage& usage);
int64_t unix_seconds();

/// Puts the body's wishes into `caller`. Of two deadlines the earlier one counts.
void apply(const Handling& handling, serve::Caller& caller);

}  // namespace weir::api
