// Elementwise operations over rows. Included after simd_*.h and simd_math.h by one file per
// instruction set.
#pragma once

#include "kernels/cpu_kernels.h"
#include "kernels/pooled_tokens.h"

namespace weir::kernels {
namespace {

template <class T>
T* row(const Rows& rows, int64_t r) {
  return static_cast<T*>(rows.data) + r * rows.stride;
}
template <class T>
const T* row(const ConstRows& rows, int64_t r) {
  return static_cast<const T*>(rows.data) + r * rows.stride;
}

template <class F>
void by_type(DType type, F&& f) {
  type == DType::float32 ? f(float{}) : f(bf16{});
}

// out[i] = f(x[i]), vector by vector.
template <class Out, class In, class F>
void map(Out* out, const In* x, int64_t n, F&& f) {
  over(
      n, [&](int64_t i) { store(out + i, f(load(x + i))); },
      [&](int64_t i, int left) { store(out + i, f(load(x + i, left)), left); });
}

template <class Out, class A, class B, class F>
void map(Out* out, const A* a, const B* b, int64_t n, F&& f) {
  over(
      n, [&](int64_t i) { store(out + i, f(load(a + i), load(b + i))); },
      [&](int64_t i, int left) { store(out + i, f(load(a + i, left), load(b + i, left)), left); });
}

// The sum of f(x[i]); f(0) must be 0.
template <class T, class F>
float sum_of(const T* x, int64_t n, F&& f) {
  Vec even = zero(), odd = zero();
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    even = add(even, f(load(x + i)));
    odd = add(odd, f(load(x + i + kLanes)));
  }
  over(
      n - i, [&](int64_t j) { even = add(even, f(load(x + i + j))); },
      [&](int64_t j, int left) { odd = add(odd, f(load(x + i + j, left))); });
  return sum(add(even, odd));
}

template <class Out, class In>
void take_rows(const TakeArgs& a, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r) {
    Out* out = row<Out>(a.out, r);
    const In* x = row<In>(a.x, a.indices[r]);
    if (a.add) {
      map(out, out, x, a.out.cols, [](Vec o, Vec v) { return add(o, v); });
    } else {
      map(out, x, a.out.cols, [](Vec v) { return v; });
    }
  }
}

void take(const TakeArgs& a, int64_t begin, int64_t end) {
  by_type(a.out.type, [&]<class Out>(Out) {
    by_type(a.x.type, [&]<class In>(In) { take_rows<Out, In>(a, begin, end); });
  });
}

template <class T>
void rms_norm_row(T* out, const T* x, const T* weight, int64_t n, float eps) {
  const float mean = sum_of(x, n, [](Vec v) { return mul(v, v); }) / static_cast<float>(n);
  const Vec scale = set1(1.f / __builtin_sqrtf(mean + eps));
  map(out, x, weight, n, [&](Vec v, Vec w) { return mul(mul(v, scale), w); });
}

void rms_norm(const NormArgs& a, int64_t begin, int64_t end) {
  by_type(a.x.type, [&]<class T>(T) {
    for (int64_t r = begin; r < end; ++r) {
      rms_norm_row(row<T>(a.out, r), row<T>(a.x, r), static_cast<const T*>(a.weight), a.x.cols,
                   a.eps);
    }
  });
}

void rms_norm_heads(const NormArgs& a, int64_t begin, int64_t end) {
  by_type(a.x.type, [&]<class T>(T) {
    const T* weight = static_cast<const T*>(a.weight);
    for (int64_t r = begin; r < end; ++r) {
      T* x = row<T>(a.out, r);
      for (int64_t h = 0; h < a.x.cols; h += a.head_dim)
        rms_norm_row(x + h, x + h, weight + h, a.head_dim, a.eps);
    }
  });
}

void add_rms_norm(const NormArgs& a, int64_t begin, int64_t end) {
  by_type(a.x.type, [&]<class T>(T) {
    for (int64_t r = begin; r < end; ++r) {
      T* residual = row<T>(a.residual, r);
      map(residual, residual, row<T>(a.x, r), a.x.cols, [](Vec v, Vec x) { return add(v, x); });
      rms_norm_row(row<T>(a.out, r), residual, static_cast<const T*>(a.weight), a.x.cols, a.eps);
    }
  });
}

// The sum x + added stays float32: it is taken again in each of the three passes, from the first
// cache.
template <class T, bool kAdd>
void layer_norm_row(const NormArgs& a, int64_t r) {
  const T* x = row<T>(a.x, r);
  const T* added = kAdd ? row<T>(a.added, r) : nullptr;
  const T* weight = static_cast<const T*>(a.weight);
  const T* bias = static_cast<const T*>(a.bias);
  T* out = row<T>(a.out, r);
  const int64_t n = a.x.cols;
  const auto at = [&](int64_t i) {
    if constexpr (kAdd)
      return add(load(x + i), load(added + i));
    else
      return load(x + i);
  };
  const auto last = [&](int64_t i, int left) {
    if constexpr (kAdd)
      return add(load(x + i, left), load(added + i, left));
    else
      return load(x + i, left);
  };
  Vec total = zero(), square = zero();
  over(
      n, [&](int64_t i) { total = add(total, at(i)); },
      [&](int64_t i, int left) { total = add(total, last(i, left)); });
  const Vec mean = set1(sum(total) / static_cast<float>(n));
  const auto add_square = [&](Vec d) { square = fma(d, d, square); };
  over(
      n, [&](int64_t i) { add_square(sub(at(i), mean)); },
      [&](int64_t i, int left) {
        add_square(first_lanes(sub(last(i, left), mean), left, zero()));
      });
  const Vec scale = set1(1.f / __builtin_sqrtf(sum(square) / static_cast<float>(n) + a.eps));
  over(
      n,
      [&](int64_t i) {
        store(out + i, fma(mul(sub(at(i), mean), scale), load(weight + i), load(bias + i)));
      },
      [&](int64_t i, int left) {
        const Vec v = mul(sub(last(i, left), mean), scale);
        store(out + i, fma(v, load(weight + i, left), load(bias + i, left)), left);
      });
}

void layer_norm(const NormArgs& a, int64_t begin, int64_t end) {
  by_type(a.x.type, [&]<class T>(T) {
    for (int64_t r = begin; r < end; ++r) {
      a.added.data != nullptr ? layer_norm_row<T, true>(a, r) : layer_norm_row<T, false>(a, r);
    }
  });
}

// (lower, upper) = (lower * cos - upper * sin, upper * cos + lower * sin)
template <class T>
void rotate_head(T* lower, T* upper, const float* cosine, const float* sine, int64_t half) {
  over(
      half,
      [&](int64_t i) {
        const Vec a = load(lower + i), b = load(upper + i), c = load(cosine + i),
                  s = load(sine + i);
        store(lower + i, fnma(b, s, mul(a, c)));
        store(upper + i, fma(a, s, mul(b, c)));
      },
      [&](int64_t i, int n) {
        const Vec a = load(lower + i, n), b = load(upper + i, n), c = load(cosine + i, n),
                  s = load(sine + i, n);
        store(lower + i, fnma(b, s, mul(a, c)), n);
        store(upper + i, fma(a, s, mul(b, c)), n);
      });
}

void rope(const RopeArgs& a, int64_t begin, int64_t end) {
  by_type(a.qk.type, [&]<class T>(T) {
    const int64_t half = a.head_dim / 2;
    for (int64_t t = begin; t < end; ++t) {
      const float* cosine = a.cos_sin + int64_t{a.positions[t]} * a.head_dim;
      T* token = row<T>(a.qk, t);
      for (int64_t h = 0; h + a.head_dim <= a.qk.cols; h += a.head_dim) {
        rotate_head(token + h, token + h + half, cosine, cosine + half, half);
      }
    }
  });
}

void gate(const GateArgs& a, int64_t begin, int64_t end) {
  by_type(a.out.type, [&]<class T>(T) {
    with_act(a.act, [&](auto act) {
      for (int64_t r = begin; r < end; ++r) {
        const T* gates = row<T>(a.gate_up, r);
        map(row<T>(a.out, r), gates, gates + a.out.cols, a.out.cols,
            [&](Vec g, Vec up) { return mul(act(g), up); });
      }
    });
  });
}

void activate(Rows x, Act act, int64_t begin, int64_t end) {
  by_type(x.type, [&]<class T>(T) {
    with_act(act, [&](auto f) {
      for (int64_t r = begin; r < end; ++r) map(row<T>(x, r), row<T>(x, r), x.cols, f);
    });
  });
}

/// The weighted sum of a row's tokens `from` to `to`, or their greatest values.
template <class T>
void gather_tokens(const PoolArgs& a, const PooledTokens& tokens, float* out) {
  const int64_t n = a.out.cols;
  const auto [first, from, to] = tokens;
  const Pooling pooling = a.rule.pooling;
  const auto weight = [&](int32_t t) { return set1(static_cast<float>(t - first + 1)); };
  map(out, row<T>(a.hidden, from), n,
      [&](Vec v) { return pooling == Pooling::weighted ? mul(weight(from), v) : v; });
  for (int32_t t = from + 1; t <= to; ++t) {
    const T* token = row<T>(a.hidden, t);
    if (pooling == Pooling::max)
      map(out, out, token, n, [](Vec s, Vec v) { return max(s, v); });
    else if (pooling == Pooling::weighted)
      map(out, out, token, n, [&](Vec s, Vec v) { return add(s, mul(weight(t), v)); });
    else
      map(out, out, token, n, [](Vec s, Vec v) { return add(s, v); });
  }
}

template <class T>
void pool_row(const PoolArgs& a, int64_t r) {
  float* out = row<float>(a.out, r);
  const int64_t n = a.out.cols;
  const PooledTokens tokens = pooled_tokens(a.rule, r, a.begin[r], a.begin[r + 1] - 1);
  gather_tokens<T>(a, tokens, out);
  float scale = pool_scale(a.rule.pooling, tokens);
  if (a.rule.normalize) {
    const float square = sum_of(out, n, [](Vec v) { return mul(v, v); });
    scale = square > 0 ? 1.f / __builtin_sqrtf(square) : 0.f;
  }
  map(out, out, n, [&](Vec v) { return mul(v, set1(scale)); });
}

void pool(const PoolArgs& a, int64_t begin, int64_t end) {
  by_type(a.hidden.type, [&]<class T>(T) {
    for (int64_t r = begin; r < end; ++r) pool_row<T>(a, r);
  });
}

}  // namespace
}  // namespace weir::kernels
