// modules.json and the config.json of each of its modules.
#include "weir/folder/tables.h"

namespace weir::folder {

using enum Verdict;

FieldTable modules_fields() {
  static constexpr KnownField table[] = {
      {"idx"}, {"name"}, {"kwargs"},  // names of options of encode()
  };
  return table;
}

FieldTable pooling_fields() {
  static constexpr KnownField table[] = {
      {"embedding_dimension"},  // the model's
      {"word_embedding_dimension"},
      {.name = "output_key",
       .verdict = refused,
       .note = "a text has one vector, the pooled one",
       .neutral = "[\"sentence_embedding\"]"},
  };
  return table;
}

FieldTable normalize_fields() {
  static constexpr std::string_view kOther = "only the pooled vector is normalised";
  static constexpr KnownField table[] = {
      {.name = "module_input_name",
       .verdict = refused,
       .note = kOther,
       .neutral = "[\"sentence_embedding\"]"},
      {.name = "module_output_name",
       .verdict = refused,
       .note = kOther,
       .neutral = "[\"sentence_embedding\"]"},
  };
  return table;
}

}  // namespace weir::folder
