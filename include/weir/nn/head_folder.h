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
  /// Of the folder that holds its model.safetensors, whose SHA-256 is held against the head's.
  /// Empty: its weights are random, and there is none.
  std::string directory;
};

/// A head out of a folder of its own: "task-head/1", head.json and head.safetensors.
struct HeadFolder {
  NamedHead head;
  uint64_t numbers = 0;  // in its file
  std::vector<std::string> notes;
};

/// Throws LoadError, naming field and value, where head.json asks for what is not built or does not
/// fit the trunk, and where its tensors are not those that it names.
HeadFolder load_head_folder(const std::string& directory, const TrunkFacts& trunk,
                            Backend& backend);

}  // namespace weir::nn
