// Functions over whole vectors, and loops over rows of any length. Included after one simd_*.h.
#pragma once

#include "weir/kernels/act.h"

namespace weir::kernels {
namespace {

constexpr float kLog2e = 1.44269504088896341f;

// 2^t, to 2 units in the last place; exactly 0 from kLowestPower down, infinity from 2^128; NaN
// stays NaN.
inline Vec exp2(Vec t) {
  t = min(set1(128.f), max(set1(kLowestPower), t));
  const Vec n = round(t), f = sub(t, n);
  Vec p = set1(1.5403530393381609e-4f);  // ln(2)^k / k!
  p = fma(p, f, set1(1.3333558146428443e-3f));
  p = fma(p, f, set1(9.6181291076284772e-3f));
  p = fma(p, f, set1(5.5504108664821580e-2f));
  p = fma(p, f, set1(2.4022650695910072e-1f));
  p = fma(p, f, set1(6.9314718055994531e-1f));
  p = fma(p, f, set1(1.f));
  return scale_by_power(p, n);
}

// The product with log2(e) in two parts, so that the error does not grow with x.
inline Vec exp(Vec x) {
  x = min(set1(89.f), max(set1(kLowestPower / kLog2e), x));
  const Vec n = round(mul(x, set1(kLog2e)));
  Vec f = fnma(n, set1(0.693359375f), x);
  f = fnma(n, set1(-2.12194440e-4f), f);
  Vec p = set1(1.9875691500e-4f);  // Cephes expf
  p = fma(p, f, set1(1.3981999507e-3f));
  p = fma(p, f, set1(8.3334519073e-3f));
  p = fma(p, f, set1(4.1665795894e-2f));
  p = fma(p, f, set1(1.6666665459e-1f));
  p = fma(p, f, set1(5.0000001201e-1f));
  p = add(fma(mul(f, f), p, f), set1(1.f));
  return scale_by_power(p, n);
}

// The rational approximation of Eigen and XLA, within 3e-7.
inline Vec erf(Vec x) {
  x = min(set1(4.f), max(set1(-4.f), x));
  const Vec s = mul(x, x);
  Vec p = set1(-2.72614225801306e-10f);
  p = fma(p, s, set1(2.77068142495902e-08f));
  p = fma(p, s, set1(-2.10102402082508e-06f));
  p = fma(p, s, set1(-5.69250639462346e-05f));
  p = fma(p, s, set1(-7.34990630326855e-04f));
  p = fma(p, s, set1(-2.95459980854025e-03f));
  p = fma(p, s, set1(-1.60960333262415e-02f));
  Vec q = set1(-1.45660718464996e-05f);
  q = fma(q, s, set1(-2.13374055278905e-04f));
  q = fma(q, s, set1(-1.68282697438203e-03f));
  q = fma(q, s, set1(-7.37332916720468e-03f));
  q = fma(q, s, set1(-1.42647390514189e-02f));
  return div(mul(x, p), q);
}

inline Vec sigmoid(Vec x) { return div(set1(1.f), add(set1(1.f), exp(sub(zero(), x)))); }

// tanh x = 2 sigmoid(2 x) - 1, within 2e-7
inline Vec tanh(Vec x) { return sub(mul(set1(2.f), sigmoid(mul(set1(2.f), x))), set1(1.f)); }

// tanh by Eigen's rational approximation: within 4e-7 of the value, relative to it.
inline Vec tanh_of_score(Vec x) {
  x = min(set1(7.90531110763549805f), max(set1(-7.90531110763549805f), x));
  const Vec s = mul(x, x);
  Vec p = set1(-2.76076847742355e-16f);
  p = fma(p, s, set1(2.00018790482477e-13f));
  p = fma(p, s, set1(-8.60467152213735e-11f));
  p = fma(p, s, set1(5.12229709037114e-08f));
  p = fma(p, s, set1(1.48572235717979e-05f));
  p = fma(p, s, set1(6.37261928875436e-04f));
  p = fma(p, s, set1(4.89352455891786e-03f));
  Vec q = set1(1.19825839466702e-06f);
  q = fma(q, s, set1(1.18534705686654e-04f));
  q = fma(q, s, set1(2.26843463243900e-03f));
  q = fma(q, s, set1(4.89352518554385e-03f));
  return div(mul(x, p), q);
}

inline Vec silu(Vec x) { return mul(x, sigmoid(x)); }
inline Vec relu(Vec x) { return max(zero(), x); }  // NaN stays NaN

inline Vec gelu_exact(Vec x) {
  return mul(mul(set1(0.5f), x), add(set1(1.f), erf(mul(x, set1(0.70710678118654752f)))));
}

// 0.5 (1 + tanh u) = sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
inline Vec gelu_tanh(Vec x) {
  const Vec inner = fma(mul(mul(x, x), x), set1(0.044715f), x);
  return mul(x, sigmoid(mul(inner, set1(1.5957691216057308f))));
}

// Calls body(f) with the function that `act` names.
template <class Body>
inline void with_act(Act act, Body&& body) {
  switch (act) {
    case Act::none:
      return body([](Vec x) { return x; });
    case Act::gelu:
      return body([](Vec x) { return gelu_exact(x); });
    case Act::gelu_tanh:
      return body([](Vec x) { return gelu_tanh(x); });
    case Act::tanh:
      return body([](Vec x) { return tanh(x); });
    case Act::relu:
      return body([](Vec x) { return relu(x); });
    case Act::silu:
      return body([](Vec x) { return silu(x); });
  }
}

// body(offset, n) over [0, n): n = kLanes for whole vectors, then once for what is left.
template <class Whole, class Rest>
inline void over(int64_t n, Whole&& whole, Rest&& rest) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) whole(i);
  if (i < n) rest(i, static_cast<int>(n - i));
}

}  // namespace
}  // namespace weir::kernels
