#pragma once

#include <cstdint>
#include <vector>

#include "weir/text/encoding.h"

namespace weir::serve {

/// The part of a text that gets one label: a word or a token.
struct LabelUnit {
  uint32_t token = 0;  // that the tagger reads, in the encoding of the whole text
  uint32_t begin = 0;  // code points of the text; for a word, those of all its tokens
  uint32_t end = 0;
  int32_t word = 0;
};

/// The units of a text, ascending by token. `by_word`: the words, each read at its first token.
/// Else: each token of the text itself. REQUIRES: an encoding of one text, not of a pair.
std::vector<LabelUnit> units_of(const text::Encoding& encoding, bool by_word);

}  // namespace weir::serve
