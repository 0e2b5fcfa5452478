// config_sentence_transformers.json.
#include "weir/folder/tables.h"

namespace weir::folder {

using enum Verdict;

FieldTable sentence_transformers_fields() {
  static constexpr KnownField table[] = {
      {"__version__"},
      {"requirements"},
      {"similarity_fn_name"},  // how a client compares vectors
      {"score_name"},
      {.name = "model_type",
       .verdict = refused,
       .note = "only its dense vectors are supported (SentenceTransformer)",
       .neutral = "[\"SentenceTransformer\"]"},
      {.name = "truncate_dim", .verdict = used},
  };
  return table;
}

}  // namespace weir::folder
