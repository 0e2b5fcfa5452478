#pragma once

#include "api/codec/json_reader.h"

namespace weir::api {

enum class Endpoint : uint8_t { chat, completion, embedding, reading };

/// Fields that clients know and this server has not got: taken at the value at which they do
/// nothing, else refused by name. Fields that cannot change an answer are checked and dropped.
void read_unsupported(Fields& fields, Endpoint endpoint);

}  // namespace weir::api
