#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/plan.h"

namespace weir::app {

/// The main memory that serving on a processor takes beside the cache of keys and values, in bytes.
/// Pages of files are not counted, since the kernel takes them back. The numbers are estimates: a
/// little above what was measured with the default models.
struct Footprint {
  uint64_t weights = 0;  // packed; 0 for random weights
  uint64_t text = 0;     // tokenizers and templates
  uint64_t step = 0;     // tensors of the largest step
  uint64_t states = 0;   // of sequences that have one of fixed size
  uint64_t process = 0;  // pages of code, threads, connections, kept answers

  uint64_t all() const { return weights + text + step + states + process; }
};

Footprint footprint(const std::vector<PlannedModel>& models, const Config& config);

/// "weights 285, tokenizers 61, a step 60, process and connections 112" (MiB).
std::string to_string(const Footprint& footprint);

}  // namespace weir::app
