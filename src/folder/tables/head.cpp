// head.json of a head's folder. What it means is read in src/nn/heads.
#include "weir/folder/tables.h"

namespace weir::folder {

FieldTable head_fields() {
  static constexpr KnownField table[] = {
      {"trunk.name"},
      {"trunk.frozen"},
      {"trunk.license"},
      // They explain words.rule, which is read.
      {"words.steps"},
      {"words.wordpiece"},
      {"words.special_strings"},
      {"words.checked"},
      // Of the head's making.
      {"training"},
      {"metrics"},
      {"data"},
      {"license"},
      {"author"},
      {"version"},
      {"description"},
      {"notes"},
  };
  return table;
}

FieldTable head_layer_fields() {
  static constexpr KnownField table[] = {
      {"parameter_shapes.*"},
  };
  return table;
}

}  // namespace weir::folder
