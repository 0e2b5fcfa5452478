#pragma once

#include "api/codec/json_reader.h"

namespace weir::api {

enum class Endpoint : uint8_t { chat, completion, embedding, reading };

/// Reads the fields that clients know and weir does not have. At a value at which such a field does
/// nothing it is accepted; at any other it is refused by name. Fields that cannot change an answer
/// are checked and dropped.
void read_unsupported(Fields& fields, Endpoint endpoint);

}  // namespace weir::api
