#pragma once

#include <string>

#include "weir/nn/heads.h"

namespace weir::nn {

/// What a head that a checkpoint holds beside its trunk is made from.
struct HeadArgs {
  const Builder& build;  // of the whole checkpoint
  int64_t hidden = 0;    // columns of the trunk's states
  std::string trunk;     // what the names of the trunk's tensors begin with: "bert."
};

/// One line of the table of such heads: what config.json's "architectures" calls the checkpoint.
struct CheckpointHead {
  const char* architecture;
  const char* needed;  // the tensor without which the checkpoint does not hold it
  NamedHead (*make)(const HeadArgs& args);
};

NamedHead make_classify_head(const HeadArgs& args);  // classify_head.cpp
NamedHead make_tag_head(const HeadArgs& args);       // tag_head.cpp

}  // namespace weir::nn
