#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/nn/config.h"

namespace weir::nn {

/// How positions become angles, in the words of config.json. Fields of other types than its own
/// say nothing.
struct RopeScaling {
  std::string type = "default";
  double theta = 10000;
  double factor = 1;           // linear, llama3, yarn
  double original = 0;         // llama3, yarn: positions before it was made longer
  double low = 1, high = 1;    // llama3
  double fast = 32, slow = 1;  // yarn: turns within `original` above which a pair is kept, and
                               // below which it is slowed by `factor`
  bool whole_pairs = true;     // yarn: these bounds are rounded to pairs
  double magnitude = 1;        // yarn: of cosines and sines
};

/// rope_parameters, or rope_scaling as older files have it.
std::optional<ConfigFile> rope_object(const ConfigFile& config);

/// Throws LoadError where the type is not known or lacks a field.
RopeScaling read_rope_scaling(const ConfigFile& config);

/// Angles by which a position turns the pairs of `rotated` columns. The reference is Hugging Face's
/// modeling_rope_utils.py.
std::vector<float> rope_frequencies(const RopeScaling& scaling, int64_t rotated);

}  // namespace weir::nn
