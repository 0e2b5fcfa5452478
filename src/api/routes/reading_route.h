#pragma once

#include <string>
#include <utility>

#include "api/codec/reading_requests.h"
#include "api/codec/texts.h"
#include "api/codec/unsupported.h"
#include "api/schema/request_fields.h"

/// What the requests of /v1/classify, /v1/tag and /v1/analyze begin and end with.
namespace weir::api {

/// The schema of such a request. `own`: the fields of this route alone.
Json reading_request(TextsRule texts, schema::FieldList own);

/// The schema of its answer. `entry`: the fields of an entry of the list beside its index.
Json reading_answer(const schema::FieldList& entry);

/// Decodes such a request. `read` reads the fields of this route alone and gives the options.
template <class Decoded, class Read>
Result<Decoded> decode_reading(const std::string& body, UnknownFields& unknown, TextsRule texts,
                               Read read) {
  Decoded decoded;
  auto done = decode(body, unknown, [&](Fields& fields) {
    decoded.ask.model = read_model(fields);
    read_texts_to_read(fields, decoded.ask, texts);
    decoded.ask.options = read(fields, decoded);
    decoded.handling = read_handling(fields);
    read_unsupported(fields, Endpoint::reading);
  });
  if (!done) return done.error();
  return decoded;
}

}  // namespace weir::api
