#pragma once

#include <string>
#include <utility>
#include <vector>

#include "request/stack.h"

namespace weir::bench {

/// The bodies that the bench sends.
struct Bodies {
  std::string chat, completion, embedding;
};

/// Microseconds of one call of each part of a request, by name, in the order of a request. Where
/// threads wake each other it is wall time, else the caller's.
std::vector<std::pair<std::string, double>> time_parts(Stack& stack, const Bodies& bodies);

}  // namespace weir::bench
