// Recurrent cells, and the mixes of layers of heads that read. Included after simd_*.h, simd_math.h
// and rows_impl.h by one file per instruction set.
#pragma once

#include "kernels/cpu_kernels.h"

namespace weir::kernels {
namespace {

// out[r] = the sum over k of weights[k] * x[k * rows + r], layers in order.
void mix(const MixArgs& a, int64_t begin, int64_t end) {
  by_type(a.x.type, [&]<class T>(T) {
    for (int64_t r = begin; r < end; ++r) {
      float* out = row<float>(a.out, r);
      for (int64_t k = 0; k < a.layers; ++k) {
        const T* x = row<T>(a.x, k * a.out.rows + r);
        const Vec weight = set1(a.weights[k]);
        if (k == 0)
          map(out, x, a.out.cols, [&](Vec v) { return mul(weight, v); });
        else
          map(out, out, x, a.out.cols, [&](Vec s, Vec v) { return fma(weight, v, s); });
      }
    }
  });
}

// z += h W for W (width, n) whose rows lie end to end. Each sum is taken in the order of h.
void add_product(float* z, const float* h, const float* weight, int64_t width, int64_t n) {
  constexpr int kVectors = 4;  // as many sums as hide the time of one addition
  int64_t i = 0;
  for (; i + kVectors * kLanes <= n; i += kVectors * kLanes) {
    Vec sums[kVectors];
    for (int v = 0; v < kVectors; ++v) sums[v] = load(z + i + v * kLanes);
    for (int64_t k = 0; k < width; ++k) {
      const Vec of_h = set1(h[k]);
      for (int v = 0; v < kVectors; ++v)
        sums[v] = fma(of_h, load(weight + k * n + i + v * kLanes), sums[v]);
    }
    for (int v = 0; v < kVectors; ++v) store(z + i + v * kLanes, sums[v]);
  }
  over(
      n - i,
      [&](int64_t j) {
        Vec sum = load(z + i + j);
        for (int64_t k = 0; k < width; ++k)
          sum = fma(set1(h[k]), load(weight + k * n + i + j), sum);
        store(z + i + j, sum);
      },
      [&](int64_t j, int left) {
        Vec sum = load(z + i + j, left);
        for (int64_t k = 0; k < width; ++k)
          sum = fma(set1(h[k]), load(weight + k * n + i + j, left), sum);
        store(z + i + j, sum, left);
      });
}

struct Cell {
  Vec c, h;
};
Cell next_cell(Vec input, Vec forget, Vec candidate, Vec output, Vec c) {
  const Vec kept = fma(sigmoid(forget), c, mul(sigmoid(input), tanh(candidate)));
  return {kept, mul(sigmoid(output), tanh(kept))};
}

// One direction of one row. `scratch`: 6 width.
void lstm_run(const LstmArgs& a, int64_t unit) {
  const int64_t width = a.lstm.width, direction = unit % a.lstm.directions,
                r = unit / a.lstm.directions;
  float* z = a.scratch + unit * 6 * width;  // (4 width): i, f, g, o
  float *c = z + 4 * width, *h = c + width;
  const float* weight = a.lstm.recurrent + direction * 4 * width * width;
  for (int64_t j = 0; j < 2 * width; ++j) c[j] = 0;
  const int64_t first = a.begin[r], last = a.begin[r + 1] - 1;
  for (int64_t i = 0; i <= last - first; ++i) {
    const int64_t line = direction == 0 ? first + i : last - i;
    map(z, row<float>(a.gates, line) + direction * 4 * width, 4 * width, [](Vec v) { return v; });
    if (i > 0) add_product(z, h, weight, width, 4 * width);
    float* out = row<float>(a.out, line) + direction * width;
    over(
        width,
        [&](int64_t j) {
          const Cell cell = next_cell(load(z + j), load(z + width + j), load(z + 2 * width + j),
                                      load(z + 3 * width + j), load(c + j));
          store(c + j, cell.c);
          store(h + j, cell.h);
          store(out + j, cell.h);
        },
        [&](int64_t j, int left) {
          const Cell cell =
              next_cell(load(z + j, left), load(z + width + j, left), load(z + 2 * width + j, left),
                        load(z + 3 * width + j, left), load(c + j, left));
          store(c + j, cell.c, left);
          store(h + j, cell.h, left);
          store(out + j, cell.h, left);
        });
  }
}

void lstm(const LstmArgs& a, int64_t begin, int64_t end) {
  for (int64_t unit = begin; unit < end; ++unit) lstm_run(a, unit);
}

struct GruParts {
  Vec x[3], h[3], state;
};
Vec next_gru_state(const GruParts& parts) {
  const auto& [x, h, state] = parts;
  const Vec reset = sigmoid(add(x[0], h[0])), kept = sigmoid(add(x[1], h[1]));
  const Vec fresh = tanh(fma(reset, h[2], x[2]));
  return fma(kept, sub(state, fresh), fresh);
}

void gru(const GruArgs& a, int64_t begin, int64_t end) {
  const int64_t width = a.out.cols;
  for (int64_t r = begin; r < end; ++r) {
    const float *x = row<float>(a.x, r), *h = row<float>(a.h, r), *state = row<float>(a.state, r);
    float* out = row<float>(a.out, r);
    const auto parts = [&](int64_t j, auto... left) {
      GruParts of{.x = {}, .h = {}, .state = load(state + j, left...)};
      for (int64_t k = 0; k < 3; ++k) {
        of.x[k] = load(x + k * width + j, left...);
        of.h[k] = load(h + k * width + j, left...);
      }
      return of;
    };
    over(
        width, [&](int64_t j) { store(out + j, next_gru_state(parts(j))); },
        [&](int64_t j, int left) { store(out + j, next_gru_state(parts(j, left)), left); });
  }
}

RowKernels row_kernels() {
  return {.take = take,
          .rms_norm = rms_norm,
          .rms_norm_heads = rms_norm_heads,
          .add_rms_norm = add_rms_norm,
          .layer_norm = layer_norm,
          .rope = rope,
          .gate = gate,
          .activate = activate,
          .gru = gru,
          .pool = pool,
          .mix = mix,
          .lstm = lstm};
}

}  // namespace
}  // namespace weir::kernels
