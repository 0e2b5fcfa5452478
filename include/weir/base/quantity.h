#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weir {

/// A unit that people write behind a number, in lower case, and how many of the smallest unit it
/// is. An empty name: the number stands alone.
struct Unit {
  std::string_view name;
  int64_t size = 1;
};

/// "250ms", "1.5 GiB": a number with at most 6 decimals, perhaps a blank, the name of a unit in any
/// case. What is left below the smallest unit is dropped. nullopt: anything else, a number below 0,
/// or more than `most` of the smallest unit.
std::optional<int64_t> parse_quantity(std::string_view text, std::span<const Unit> units,
                                      int64_t most);

}  // namespace weir
