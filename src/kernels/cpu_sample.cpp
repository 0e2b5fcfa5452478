#include "kernels/cpu_sample.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>

#include "kernels/check.h"
#include "kernels/logit_edit.h"
#include "kernels/philox.h"

namespace weir::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Floors to look for candidates with, relative to the most likely id; the last takes all that may
// be drawn.
constexpr float kFloors[] = {0x1p-5f, 0x1p-10f, 0x1p-18f, FLT_TRUE_MIN};

/// The weights of one row: positive where an id may be drawn, the greatest 1.
struct Weights {
  const float* data;
  int64_t n;
  const std::vector<double>& sums;  // of kSampleBlock each
};

/// All but the allowed ids, which rise, go.
void keep_allowed(std::span<float> logits, std::span<const int32_t> allowed) {
  auto from = logits.begin();
  const auto clear_to = [&](auto end) { std::fill(from, end, -kInfinity); };
  for (const int32_t id : allowed) {
    clear_to(logits.begin() + id);
    from = logits.begin() + id + 1;
  }
  clear_to(logits.end());
}

void edit(std::span<float> logits, std::span<const LogitEdit> edits) {
  for (const LogitEdit& change : edits) {
    float& logit = logits[static_cast<size_t>(change.id)];
    logit = edited(logit, change);
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

namespace {

/// What is given instead of an id, where that must be.
std::optional<int32_t> no_id(const SampleKernels::Top& top) {
  if (top.index < 0) return kLogitsAreBroken;
  if (top.value == -kInfinity) return kNothingToDraw;
  return std::nullopt;
}

int32_t draw(std::span<float> logits, const SampleRow& p, const SampleKernels& kernels,
             SampleScratch& s) {
  if (!p.allowed.empty()) keep_allowed(logits, p.allowed);
  edit(logits, p.edits);
  const auto n = static_cast<int64_t>(logits.size());
  const SampleKernels::Top top = kernels.top(logits.data(), n);
  if (auto none = no_id(top)) return *none;
  if (p.greedy() || std::isinf(top.value)) return top.index;

  s.sums.resize(static_cast<size_t>((n + kSampleBlock - 1) / kSampleBlock));
  float* const weights = logits.data();  // the logits become them
  kernels.weigh(weights, s.sums.data(), logits.data(), n, top.value, 1 / p.temperature,
                std::min(p.min_p, 1.f));
  const Weights w{weights, n, s.sums};
  const bool truncated = (p.top_k > 0 && p.top_k < n) || p.top_p < 1;
  return truncated ? draw_truncated(w, p, kernels, s) : draw_any(w, uniform(p.seed, p.draw));
}

int32_t take_given(std::span<const float> logits, int32_t given, const SampleKernels& kernels) {
  const auto top = kernels.top(logits.data(), static_cast<int64_t>(logits.size()));
  return no_id(top).value_or(given);
}

}  // namespace

int32_t sample_row(std::span<float> logits, const SampleRow& p, const LogprobsOut& out,
                   const SampleKernels& kernels, SampleScratch& s) {
  const bool tells = p.logprobs >= 0;
  if (tells) s.untouched.assign(logits.begin(), logits.end());
  const int32_t id =
      p.given >= 0 ? take_given(logits, p.given, kernels) : draw(logits, p, kernels, s);
  if (tells && id >= 0) tell_logprobs(s.untouched, id, out, kernels, s.weights, s.sums);
  return id;
}

}  // namespace weir::kernels
