#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::text {

/// The tokens of a text, or of a pair of texts, and where each stands. All lists have one entry for
/// each token, in the order in which the model reads them.
struct Encoding {
  /// Code points of the text that the token came from, `end` exclusive. {0, 0} where it came from
  /// none.
  struct Place {
    uint32_t begin = 0;
    uint32_t end = 0;

    bool operator==(const Place&) const = default;
  };

  std::vector<int32_t> ids;
  /// The token types of the tokenizer's template: of BERT's, 1 for the second text and what ends
  /// it.
  std::vector<uint8_t> types;
  std::vector<Place> places;
  /// Index of the token's word within its text, ascending in each text. -1: the template's token.
  /// Words are the pieces of the tokenizer's pre-tokenizer, as `Encoding.word_ids` of the Hugging
  /// Face tokenizers counts them; an index may have no token.
  std::vector<int32_t> words;
  /// 0: the token is of the text; 1: of its pair; -1: the template's token.
  std::vector<int8_t> texts;

  size_t size() const { return ids.size(); }
};

}  // namespace weir::text
