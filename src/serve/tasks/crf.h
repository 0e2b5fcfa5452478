#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weir/folder/head_card.h"

namespace weir::serve {

/// The labels with the highest score that a CRF gives a text of T words, and their probabilities.
struct CrfPath {
  std::vector<uint32_t> labels;  // (T)
  /// The probability that word t has labels[t]: the sum of exp(score - log_z) over the paths where
  /// it does.
  std::vector<double> marginals;  // (T)
  double score = 0;               // of these labels
  double log_z = 0;               // log of the sum of exp(score) over all paths
};

/// Viterbi and forward-backward, summed in double. Of paths with the same score it takes the one
/// with the lowest last label; if these are equal, the one with the lowest label before it, and so
/// on. No words: no labels, and both numbers are 0. Takes T * L * L steps and keeps T * L numbers.
///
/// `emissions` is (T words, L labels). REQUIRES: the CRF has L labels, at least one; all numbers
/// are finite.
CrfPath crf_path(const folder::Crf& crf, std::span<const float> emissions);

}  // namespace weir::serve
