// Plain operations in double, each as its definition reads: the oracle of every other
// implementation.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/matrix.h"
#include "weir/kernels/ops.h"

namespace weir::kernels::reference {

using testing::Matrix;
using Table = std::vector<std::vector<double>>;

inline Table table(const Matrix& x) {
  Table out(static_cast<size_t>(x.row_count()), std::vector<double>(static_cast<size_t>(x.cols())));
  for (size_t r = 0; r < out.size(); ++r)
    for (size_t c = 0; c < out[r].size(); ++c)
      out[r][c] = x.at(static_cast<int64_t>(r), static_cast<int64_t>(c));
  return out;
}

inline Table rms_norm(Table x, const Matrix& weight, double eps) {
  for (auto& row : x) {
    double square = 0;
    for (double v : row) square += v * v;
    const double scale = 1 / std::sqrt(square / static_cast<double>(row.size()) + eps);
    for (size_t c = 0; c < row.size(); ++c) row[c] *= scale * weight.at(0, static_cast<int64_t>(c));
  }
  return x;
}

inline Table layer_norm(Table x, const Matrix& weight, const Matrix& bias, double eps) {
  for (auto& row : x) {
    const double n = static_cast<double>(row.size());
    double mean = 0, square = 0;
    for (double v : row) mean += v / n;
    for (double v : row) square += (v - mean) * (v - mean) / n;
    for (size_t c = 0; c < row.size(); ++c) {
      row[c] = (row[c] - mean) / std::sqrt(square + eps) * weight.at(0, static_cast<int64_t>(c)) +
               bias.at(0, static_cast<int64_t>(c));
    }
  }
  return x;
}

/// softmax(scale * q k^T) v of one query; keys and values are rows.
inline std::vector<double> attend(const std::vector<double>& q, const Table& keys,
                                  const Table& values, double scale) {
  std::vector<double> score;
  for (const auto& key : keys) {
    double dot = 0;
    for (size_t d = 0; d < q.size(); ++d) dot += q[d] * key[d];
    score.push_back(dot * scale);
  }
  const double top = *std::max_element(score.begin(), score.end());
  double sum = 0;
  std::vector<double> out(q.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const double weight = std::exp(score[i] - top);
    sum += weight;
    for (size_t d = 0; d < q.size(); ++d) out[d] += weight * values[i][d];
  }
  for (double& x : out) x /= sum;
  return out;
}

/// The probability of each id that a row of `logits` may be drawn with: temperature, min_p, top_k,
/// top_p as vLLM orders them. Ties with the last id that is kept are kept.
inline std::vector<double> probabilities(const std::vector<double>& logits, const SampleRow& p) {
  std::vector<double> w(logits.size());
  const double top = *std::max_element(logits.begin(), logits.end());
  for (size_t i = 0; i < w.size(); ++i) w[i] = std::exp((logits[i] - top) / p.temperature);
  const auto keep_from = [&](double least) {
    for (double& x : w) x = x >= least ? x : 0;
  };
  const auto falling = [&] {
    std::vector<double> sorted = w;
    std::sort(sorted.rbegin(), sorted.rend());
    return sorted;
  };
  keep_from(p.min_p);
  if (p.top_k > 0 && p.top_k < w.size()) keep_from(falling()[p.top_k - 1]);
  double sum = 0;
  for (double x : w) sum += x;
  if (p.top_p < 1) {
    double before = 0, least = 0;
    for (double x : falling()) {
      if (before >= static_cast<double>(p.top_p) * sum && before > 0) break;
      before += x;
      least = x;
    }
    keep_from(least);
    sum = 0;
    for (double x : w) sum += x;
  }
  for (double& x : w) x /= sum;
  return w;
}

}  // namespace weir::kernels::reference
