#pragma once

#include "api/codec/unsupported.h"
#include "api/schema/schema.h"

/// Schemas of the fields that the codecs of the same names read: src/api/codec/parts.h.
namespace weir::api::schema {

FieldList model_field();
FieldList sampling_fields();
FieldList logit_fields();
FieldList beam_fields();
FieldList presentation_fields();
FieldList handling_fields();
Field encoding_format_field();
Field dimensions_field();
FieldList truncation_fields();
FieldList unsupported_fields(Endpoint endpoint);
/// `messages`, and the other fields that the template sees.
FieldList template_fields();

Json token_ids(size_t least);
/// A string or token ids, which may be none.
Json text_or_ids();
/// A string, token ids, or a list of both.
Json prompts();

}  // namespace weir::api::schema
