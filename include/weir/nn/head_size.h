#pragma once

#include <string>

#include "weir/kernels/head_size.h"
#include "weir/nn/config.h"

namespace weir::nn {

/// Throws LoadError where no kernel computes heads of `head_dim`. `from`: the fields that say so,
/// "head_dim".
inline void check_head_dim(const ConfigFile& config, const std::string& from, int64_t head_dim) {
  if (!kernels::takes_heads_of(head_dim))
    config.refuse(from + " is " + std::to_string(head_dim) + "; even numbers from 2 to " +
                  std::to_string(kernels::kMaxHeadDim) + " are computed");
}

/// The width at which heads of `head_dim` are computed where an odd one gets a column of zeros.
/// Throws LoadError where no kernel computes it.
inline int64_t padded_head_dim(const ConfigFile& config, const std::string& from,
                               int64_t head_dim) {
  const int64_t padded = head_dim + head_dim % 2;
  if (!kernels::takes_heads_of(padded))
    config.refuse(from + " is " + std::to_string(head_dim) + "; numbers from 1 to " +
                  std::to_string(kernels::kMaxHeadDim) + " are computed");
  return padded;
}

}  // namespace weir::nn
