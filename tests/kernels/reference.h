// Plain operations in double, each as its definition reads: the oracle of every other
// implementation.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
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

inline double act(Act act, double x) {
  switch (act) {
    case Act::none:
      break;
    case Act::gelu:
      return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
    case Act::gelu_tanh:
      return x * 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Act::tanh:
      return std::tanh(x);
    case Act::relu:
      return std::max(x, 0.0);
    case Act::silu:
      return x / (1 + std::exp(-x));
  }
  return x;
}

/// One query of head `head`.
struct Query {
  std::vector<double> q;
  int32_t position, head;
};

/// The score of a key, as kernels/attention.h defines it.
inline double score(const Query& query, const std::vector<double>& key, int32_t position,
                    const Attention& attention) {
  double x = 0;
  for (size_t d = 0; d < key.size(); ++d) x += query.q[d] * key[d];
  x *= attention.scale;
  if (attention.soft_cap > 0)
    x = attention.soft_cap * std::tanh(x / static_cast<double>(attention.soft_cap));
  const auto& [data, left, right] = attention.bias;
  if (data != nullptr) {
    const int32_t distance = std::clamp(position - query.position, -left, right);
    x += data[query.head * (left + 1 + right) + distance + left];
  }
  return x;
}

inline bool sees(const Query& query, int32_t position, const Attention& attention) {
  const int32_t distance = position - query.position;
  if (attention.causal && distance > 0) return false;
  return attention.window == 0 || std::abs(distance) < attention.window;
}

/// The values of the keys that a query sees, weighted. Keys and values are rows, of all positions
/// from 0 on.
inline std::vector<double> attend(const Query& query, const Table& keys, const Table& values,
                                  const Attention& attention) {
  std::vector<double> scores(keys.size(), -std::numeric_limits<double>::infinity());
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto position = static_cast<int32_t>(i);
    if (sees(query, position, attention)) scores[i] = score(query, keys[i], position, attention);
  }
  const double top = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  std::vector<double> out(query.q.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const double weight = std::exp(scores[i] - top);
    sum += weight;
    for (size_t d = 0; d < out.size(); ++d) out[d] += weight * values[i][d];
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
