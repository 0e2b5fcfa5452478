#pragma once

#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::api::openai {

/// `{"error":{"message","type","param","code"}}`. The message of an internal error stays in the
/// log.
std::string error_body(const Error& error);
inline constexpr std::string_view kErrorSchema = R"({
  "type": "object", "required": ["error"], "additionalProperties": false,
  "properties": {"error": {
    "type": "object", "required": ["message", "type", "param", "code"], "additionalProperties": false,
    "properties": {
      "message": {"type": "string"},
      "type": {"type": "string"},
      "param": {"type": ["string", "null"], "description": "The field or header, by its path."},
      "code": {"type": ["string", "null"]}}}}})";

}  // namespace weir::api::openai
