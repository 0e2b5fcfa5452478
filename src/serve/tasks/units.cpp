#include "serve/tasks/units.h"

#include <algorithm>

namespace weir::serve {

std::vector<LabelUnit> units_of(const text::Encoding& encoding, bool by_word) {
  std::vector<LabelUnit> units;
  for (uint32_t token = 0; token < encoding.size(); ++token) {
    if (encoding.texts[token] < 0) continue;
    const auto [begin, end] = encoding.offsets[token];
    const int32_t word = encoding.words[token];
    if (by_word && !units.empty() && units.back().word == word) {
      units.back().end = std::max(units.back().end, end);
    } else {
      units.push_back({.token = token, .begin = begin, .end = end, .word = word});
    }
  }
  return units;
}

}  // namespace weir::serve
