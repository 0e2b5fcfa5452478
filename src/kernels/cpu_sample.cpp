#include "kernels/cpu_sample.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "kernels/bf16.h"
#include "kernels/check.h"
#include "kernels/philox.h"

namespace weir::kernels {
namespace {

constexpr uint16_t kMinusInfinityBf16 = 0xff80;
// Floors to look for candidates with, relative to the most likely id; the last takes all that may
// be drawn.
constexpr float kFloors[] = {0x1p-5f, 0x1p-10f, 0x1p-18f, FLT_TRUE_MIN};

/// The weights of one row: positive where an id may be drawn, the greatest 1.
struct Weights {
  const float* data;
  int64_t n;
  const std::vector<double>& sums;  // of kSampleBlock each
};

void ban(void* logits, DType type, int64_t n, std::span<const int32_t> ids) {
  for (const int32_t id : ids) {
    believe(id >= 0 && id < n, "a banned id %d is in a vocabulary of %" PRId64, id, n);
    if (type == DType::float32) {
      static_cast<float*>(logits)[id] = -std::numeric_limits<float>::infinity();
    } else {
      static_cast<bf16*>(logits)[id].bits = kMinusInfinityBf16;
    }
  }
}

// The value of the sorted values (falling) at which their sum reaches `mass`; the least if it never
// does. Reorders them.
float value_at_mass(std::vector<float>& values, double mass) {
  auto low = values.begin(), high = values.end();
  double before = 0;
  while (high - low > 1) {
    const auto middle = low + (high - low) / 2;
    std::nth_element(low, middle, high, std::greater<float>());
    const double upper = std::accumulate(low, middle, 0.0);
    if (before + upper >= mass) {
      high = middle;
    } else {
      before += upper;
      low = middle;
    }
  }
  return *low;
}

// Candidates: the ids (rising) that hold the top_k, or the mass of top_p. Their weights in
// `values`.
void find_candidates(const Weights& w, int64_t top_k, double mass, const SampleKernels& kernels,
                     SampleScratch& s) {
  if (static_cast<int64_t>(s.indices.size()) < w.n) s.indices.resize(static_cast<size_t>(w.n));
  for (const float floor : kFloors) {
    s.found = static_cast<size_t>(kernels.collect(s.indices.data(), w.n, w.data, w.n, floor));
    s.values.resize(s.found);
    double sum = 0;
    for (size_t i = 0; i < s.found; ++i) sum += s.values[i] = w.data[s.indices[i]];
    if (top_k > 0 ? static_cast<int64_t>(s.found) >= top_k : sum >= mass) break;
  }
}

// The first candidate at which the sum of those weighing at least `least` passes its `u`-th part.
int32_t draw_candidate(const Weights& w, const SampleScratch& s, float least, double u) {
  double mass = 0;
  for (size_t i = 0; i < s.found; ++i) {
    const float x = w.data[s.indices[i]];
    if (x >= least) mass += x;
  }
  double sum = 0;
  int32_t drawn = -1;
  for (size_t i = 0; i < s.found; ++i) {
    const float x = w.data[s.indices[i]];
    if (x < least) continue;
    drawn = s.indices[i];
    sum += x;
    if (sum > u * mass) break;
  }
  return drawn;
}

int32_t draw_truncated(const Weights& w, const SampleRow& p, const SampleKernels& kernels,
                       SampleScratch& s) {
  const double u = uniform(p.seed, p.draw),
               total = std::accumulate(w.sums.begin(), w.sums.end(), 0.0);
  const bool by_count = p.top_k > 0 && p.top_k < w.n;
  find_candidates(w, by_count ? p.top_k : 0, p.top_p * total, kernels, s);
  float least = FLT_TRUE_MIN;
  double mass = total;
  if (by_count) {
    if (p.top_k < s.values.size()) {
      std::nth_element(s.values.begin(), s.values.begin() + (p.top_k - 1), s.values.end(),
                       std::greater<float>());
      least = s.values[p.top_k - 1];
    }
    std::erase_if(s.values, [&](float x) { return x < least; });  // ties with the last stay
    mass = std::accumulate(s.values.begin(), s.values.end(), 0.0);
  }
  if (p.top_p < 1) least = std::max(least, value_at_mass(s.values, p.top_p * mass));
  return draw_candidate(w, s, least, u);
}

int32_t draw_any(const Weights& w, double u) {
  const double target = u * std::accumulate(w.sums.begin(), w.sums.end(), 0.0);
  double sum = 0;
  size_t block = 0;
  while (block + 1 < w.sums.size() && sum + w.sums[block] <= target) sum += w.sums[block++];
  while (w.sums[block] <= 0)
    --block;  // rounding went past the last that may be drawn; the most likely id is before
  int32_t drawn = -1;
  const int64_t begin = static_cast<int64_t>(block) * kSampleBlock;
  for (int64_t i = begin; i < std::min(w.n, begin + kSampleBlock); ++i) {
    if (w.data[i] <= 0) continue;
    drawn = static_cast<int32_t>(i);
    sum += w.data[i];
    if (sum > target) break;
  }
  return drawn;
}

}  // namespace

std::unique_ptr<SampleScratch> ScratchShelf::take() {
  std::lock_guard lock(mutex_);
  if (free_.empty()) return std::make_unique<SampleScratch>();
  std::unique_ptr<SampleScratch> scratch = std::move(free_.back());
  free_.pop_back();
  return scratch;
}

void ScratchShelf::put(std::unique_ptr<SampleScratch> scratch) {
  std::lock_guard lock(mutex_);
  free_.push_back(std::move(scratch));
}

int32_t sample_row(void* logits, DType type, int64_t n, const SampleRow& p,
                   const SampleKernels& kernels, SampleScratch& s) {
  ban(logits, type, n, p.banned);
  const SampleKernels::Top top = kernels.top(logits, type, n);
  if (top.index < 0 || top.value == -std::numeric_limits<float>::infinity()) return -1;
  if (p.greedy() || std::isinf(top.value)) return top.index;

  float* weights = static_cast<float*>(logits);
  if (type != DType::float32) {
    s.weights.resize(static_cast<size_t>(n));
    weights = s.weights.data();
  }
  s.sums.resize(static_cast<size_t>((n + kSampleBlock - 1) / kSampleBlock));
  kernels.weigh(weights, s.sums.data(), logits, type, n, top.value, 1 / p.temperature,
                std::min(p.min_p, 1.f));
  const Weights w{weights, n, s.sums};
  const bool truncated = (p.top_k > 0 && p.top_k < n) || p.top_p < 1;
  return truncated ? draw_truncated(w, p, kernels, s) : draw_any(w, uniform(p.seed, p.draw));
}

}  // namespace weir::kernels
