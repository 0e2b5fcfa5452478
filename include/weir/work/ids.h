#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace weir::work {

/// An id that a model's embedding table has no row for, and its index.
struct StrayId {
  size_t place = 0;
  int32_t id = 0;
};

/// The first of `ids` that is not one of 0 to vocabulary - 1. A table is read without a check.
inline std::optional<StrayId> find_stray(std::span<const int32_t> ids, uint32_t vocabulary) {
  for (size_t i = 0; i < ids.size(); ++i)
    if (static_cast<uint32_t>(ids[i]) >= vocabulary) return StrayId{i, ids[i]};
  return std::nullopt;
}

}  // namespace weir::work
