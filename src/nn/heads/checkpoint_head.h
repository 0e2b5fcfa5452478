#pragma once

#include <string>

#include "weir/nn/heads.h"

namespace weir::nn {

struct CheckpointHead;

/// What a head that a checkpoint holds beside its trunk is made from.
struct HeadArgs {
  const Builder& build;  // of the whole checkpoint
  int64_t hidden = 0;    // columns of the trunk's states
  std::string trunk;     // what the names of the trunk's tensors begin with: "bert."
  const CheckpointHead& head;
};

/// The dense layer of a classifier before the one with the labels' columns.
struct DenseLayer {
  const char* name = nullptr;
  bool of_trunk = false;  // its name begins with that of the trunk
  Activation activation = Activation::none;
};

/// One line of the table of such heads: what config.json's "architectures" calls the checkpoint,
/// and what it calls the head's layers.
struct CheckpointHead {
  const char* architecture;
  NamedHead (*make)(const HeadArgs& args);
  /// Has a column for each label. A checkpoint without its weight does not hold the head.
  const char* labels;
  DenseLayer dense = {};  // of a classifier
};

NamedHead make_classify_head(const HeadArgs& args);  // classify_head.cpp
NamedHead make_tag_head(const HeadArgs& args);       // tag_head.cpp

}  // namespace weir::nn
