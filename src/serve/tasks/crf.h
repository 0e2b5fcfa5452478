#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir::serve {

/// The numbers of a linear-chain CRF over L labels. A path y_1 ... y_T over emissions e has the
/// score
///   start[y_1] + sum over t of e[t][y_t] + sum over t of transitions[y_t * L + y_t+1] + end[y_T];
/// its probability is exp(score - log_z), where log_z is the log of the sum of exp(score) of all
/// paths. Owns nothing. REQUIRES: L > 0; all numbers are finite.
struct CrfNumbers {
  std::span<const float> start;        // (L)
  std::span<const float> transitions;  // (L from, L to)
  std::span<const float> end;          // (L)
};

/// The path of the highest score, and what the CRF makes of it.
struct CrfPath {
  std::vector<uint32_t> labels;  // (T)
  /// The probability that word t has labels[t], summed over all paths.
  std::vector<double> marginals;  // (T)
  double score = 0;
  double log_z = 0;
};

/// Viterbi and forward-backward, summed in double. Of paths of the same score it takes the one
/// whose last label is lowest, of those the one whose last but one is, and so on. No words: no
/// labels, and both numbers are 0. `emissions` is (T words, L). Takes T * L * L steps and keeps T *
/// L numbers.
CrfPath crf_path(const CrfNumbers& crf, std::span<const float> emissions);

}  // namespace weir::serve
