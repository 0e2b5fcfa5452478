#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::text {

/// The tokens of a text, or of a pair of texts, and the place of each. All lists have one entry for
/// each token, in the model's order.
struct Encoding {
  /// The code points of the text that the token came from, `end` exclusive. {0, 0}: it came from no
  /// text.
  struct Offsets {
    uint32_t begin = 0;
    uint32_t end = 0;

    bool operator==(const Offsets&) const = default;
  };

  std::vector<int32_t> ids;
  /// Token types, from the tokenizer's template. In BERT's the second text and the token after it
  /// have 1.
  std::vector<uint8_t> types;
  std::vector<Offsets> offsets;
  /// Index of the token's word within its text, ascending in each text. -1: a token of the
  /// template. Words are the pieces of the tokenizer's pre-tokenizer. They are counted as in
  /// `Encoding.word_ids` of the Hugging Face tokenizers; an index may have no token.
  std::vector<int32_t> words;
  /// 0: a token of the text; 1: of its pair; -1: of the template.
  std::vector<int8_t> texts;

  size_t size() const { return ids.size(); }
};

}  // namespace weir::text
