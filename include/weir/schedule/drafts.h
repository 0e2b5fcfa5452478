#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir::schedule {

/// Guesses of what one sequence says next: what followed when its latest tokens stood there before
/// ("prompt lookup decoding"). A step that computes them beside the latest token shows which of
/// them came true, and they are tokens like any others then: the same as without guesses.
class Drafts {
 public:
  /// Guesses what follows `tokens` (not empty): as far as the chance that all of it comes true is
  /// above `cost`, at most `most` tokens. Returns how many.
  uint32_t guess(std::span<const int32_t> tokens, double cost, uint32_t most);

  /// The latest token and the guesses after it; valid until the next guess.
  std::span<const int32_t> tokens() const {
    return std::span<const int32_t>(tokens_).first(1 + count_);
  }

  /// `token` is the one that came at place `index` after the latest: was it guessed? One more than
  /// was worth its cost is compared too, so that trust comes back.
  bool came(uint32_t index, int32_t token);

 private:
  uint32_t worth(double cost, uint32_t most) const;

  std::vector<int32_t> tokens_;  // the latest, its guesses, and further ones
  uint32_t count_ = 0;           // guesses to compute
  bool long_ = false;            // more than one token matched
  double trust_[2]{0.5, 0.5};    // share of the guesses of late that came true, by long_
};

/// Appends to `to` the `most` tokens that followed the longest match of the end of `tokens`, of
/// equal ones the latest; in a loop they go on in it. Returns the length of the match; 0: the last
/// token never stood there before, and nothing is appended.
size_t look_up(std::span<const int32_t> tokens, uint32_t most, std::vector<int32_t>& to);

}  // namespace weir::schedule
