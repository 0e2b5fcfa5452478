#pragma once

#include <string>

#include "api/codec/unknown_fields.h"
#include "api/ignored_fields.h"
#include "weir/api/api.h"
#include "weir/api/call.h"

namespace weir::api {

/// Decodes the body of a call, in the thread that its preparation chooses. Notes the ignored fields
/// for the answer's header.
template <class Decoded>
Result<Decoded> read_request(Call& call, Api& api,
                             Result<Decoded> (*decode)(const std::string&, UnknownFields&)) {
  UnknownFields unknown(api.options.refuse_unknown_fields ? UnknownFields::Rule::refuse
                                                          : UnknownFields::Rule::ignore);
  auto decoded = serve::prepared(call.caller, [&] { return decode(call.body, unknown); });
  api.ignored_fields->note(unknown);
  call.ignored_fields = unknown.header();
  return decoded;
}

}  // namespace weir::api
