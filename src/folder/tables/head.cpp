// head.json of a head's folder. What it means is read in src/nn/heads.
#include "weir/folder/tables.h"

namespace weir::folder {

FieldTable head_fields() {
  static constexpr KnownField table[] = {
      {"trunk.name"},    {"trunk.frozen"}, {"trunk.license"}, {"tokenizer"},  // the trunk's own
      {"words"},                          // as text::Encoding counts them
      {"input.meaning"}, {"tag_scheme"},  // as the labels say
      {"entity_types"},  {"entities"},     {"training"},      {"metrics"},   {"data"}, {"license"},
  };
  return table;
}

FieldTable head_layer_fields() {
  static constexpr KnownField table[] = {
      {"formula"}, {"output"}, {"parameter_shapes.*"}, {"decode"}, {"forbidden"},
  };
  return table;
}

}  // namespace weir::folder
