#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/codec/parts.h"
#include "api/schema/schema.h"

/// What the codecs of /v1/classify, /v1/tag and /v1/analyze share, with the schemas. All functions
/// that read throw Refusal.
namespace weir::api {

/// `input` and `listed` of an Ask: a text or a list of texts. `pairs`: an entry of the list may be
/// a list of two texts.
struct TextsRule {
  bool pairs = false;
};
void read_texts_to_read(Fields& fields, serve::Ask& ask, TextsRule rule = {});
schema::Field texts_field(TextsRule rule = {});

/// top_k and raw_scores.
serve::Classify read_classify(Fields& fields);
schema::FieldList classify_fields();

/// aggregation.
serve::Aggregation read_aggregation(Fields& fields);
schema::FieldList aggregation_fields();

}  // namespace weir::api
