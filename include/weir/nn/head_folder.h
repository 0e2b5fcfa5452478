#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weir/nn/model.h"

namespace weir::nn {

/// The trunk that a head is put on.
struct TrunkFacts {
  std::string architecture;  // "BertModel"
  Shape shape;
  bool gives_layers = false;
  bool on_gpu = false;  // where some layers cannot be computed
  /// The folder of its model.safetensors, whose SHA-256 is compared with the head's. Empty: there
  /// is none, since its weights are random, or only the head's folder is there.
  std::string directory;
};

/// A head out of a folder of its own: "task-head/1", head.json and head.safetensors.
struct HeadFolder {
  NamedHead head;
  uint64_t numbers = 0;  // in its file
};

/// Throws LoadError, naming field and value, if head.json asks for what is not built, has a field
/// that nobody knows, or does not fit the trunk; if its tensors are not those that it names; and if
/// a number of them is NaN or too large.
HeadFolder load_head_folder(const std::string& directory, const TrunkFacts& trunk,
                            Backend& backend);

/// What a head's folder says of itself.
struct HeadAlone {
  folder::HeadCard card;
  uint64_t numbers = 0;    // in its file
  TrunkFacts trunk;        // that it says it was made for
  std::string trunk_name;  // of that trunk; empty: it does not say
};

/// Does all of load_head_folder() but the comparison with a trunk. Throws LoadError.
HeadAlone check_head_folder(const std::string& directory, bool on_gpu);

}  // namespace weir::nn
