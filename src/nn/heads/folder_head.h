#pragma once

#include <span>
#include <string>
#include <vector>

#include "nn/heads/head_layer.h"
#include "weir/nn/head_folder.h"

namespace weir::nn {

/// What head.json says, read so far.
struct FolderHeadArgs {
  HeadLayerArgs layers;
  const TrunkFacts& trunk;
  const ConfigFile& file;               // head.json
  const ConfigFile& input;              // its "input"
  std::span<const ConfigFile> entries;  // its "layers"
};

/// One line of the table of tasks of head.json.
struct FolderTask {
  const char* name;
  NamedHead (*make)(const FolderHeadArgs& args);
};

NamedHead make_folder_classify(const FolderHeadArgs& args);  // folder_classify.cpp
NamedHead make_folder_tag(const FolderHeadArgs& args);       // folder_tag.cpp

/// Whether "output" of head.json says `name`: "softmax", or "softmax over the 3 logits".
bool is_output(const std::string& said, const std::string& name, int64_t columns);

/// "labels" of head.json, as many as there are `columns`; no two are equal.
std::vector<std::string> folder_labels(const ConfigFile& file, int64_t columns);

}  // namespace weir::nn
