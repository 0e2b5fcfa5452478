#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir::schedule {

/// Guesses the next tokens of one sequence: those that followed when its latest tokens stood there
/// before ("prompt lookup decoding"). A step that computes the guesses beside the latest token
/// shows which of them came true. The text is the same as without guesses.
class Drafts {
 public:
  /// Guesses what follows `tokens` (not empty): as many tokens as all come true with a chance above
  /// `cost`, at most `most`. Returns how many.
  uint32_t guess(std::span<const int32_t> tokens, double cost, uint32_t most);

  /// The latest token and the guesses after it; valid until the next guess.
  std::span<const int32_t> tokens() const {
    return std::span<const int32_t>(tokens_).first(1 + count_);
  }

  /// `token` came at place `index` after the latest: was it guessed? One guess more than was worth
  /// its cost is compared too, so that trust comes back.
  bool came(uint32_t index, int32_t token);

 private:
  uint32_t worth(double cost, uint32_t most) const;

  std::vector<int32_t> tokens_;  // the latest, its guesses, and further ones
  uint32_t count_ = 0;           // guesses to compute
  bool long_ = false;            // more than one token matched
  double trust_[2]{0.5, 0.5};    // share of recent guesses that came true, by long_
};

/// Finds where the end of `tokens` stood before: the longest match (8 tokens at most count), of
/// equal ones the latest. Appends to `to` the `most` tokens that followed it; where `tokens` end in
/// a loop, they go on in it. Returns the length of the match; 0: the last token never stood there
/// before, and nothing is appended.
size_t look_up(std::span<const int32_t> tokens, uint32_t most, std::vector<int32_t>& to);

}  // namespace weir::schedule
