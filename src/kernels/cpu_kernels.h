// What the CPU operations need from one instruction set: a table of functions over ranges of rows,
// without threads and without checks. Shapes and types were checked by who calls (cpu_ops.cpp).
#pragma once

#include <cstdint>

#include "kernels/cpu_attention.h"
#include "weir/kernels/cpu_isa.h"
#include "weir/kernels/ops.h"

namespace weir::kernels {

/// rms_norm, rms_norm_heads (x is out), add_rms_norm (x is added to residual) and layer_norm (added
/// is added to x, if it has data).
struct NormArgs {
  Rows out, residual;
  ConstRows x, added;
  const void* weight = nullptr;
  const void* bias = nullptr;
  float eps = 0;
  int32_t head_dim = 0;  // of rms_norm_heads
};

struct RopeArgs {
  Rows qk;
  const int32_t* positions = nullptr;
  const float* cos_sin = nullptr;
  int32_t head_dim = 0;
};

struct GateArgs {
  Rows out;
  ConstRows gate_up;
  Act act = Act::none;
};

struct GruArgs {
  Rows out;
  ConstRows x, h, state;
};

struct PoolArgs {
  Rows out;
  ConstRows hidden;
  const int32_t* begin = nullptr;  // (rows + 1)
  PoolRule rule;
};

struct TakeArgs {
  Rows out;
  ConstRows x;
  const int32_t* indices = nullptr;
  bool add = false;
};

struct MixArgs {
  Rows out;
  ConstRows x;  // (layers * out.rows, cols)
  const float* weights = nullptr;
  int64_t layers = 0;
};

struct LstmArgs {
  Rows out;
  ConstRows gates;
  const int32_t* begin = nullptr;  // (rows + 1)
  Lstm lstm;
  float* scratch = nullptr;  // (rows * directions, 6 width)
};

/// Elementwise operations, rows [begin, end) each.
struct RowKernels {
  void (*take)(const TakeArgs&, int64_t begin, int64_t end);
  void (*rms_norm)(const NormArgs&, int64_t begin, int64_t end);
  void (*rms_norm_heads)(const NormArgs&, int64_t begin, int64_t end);
  void (*add_rms_norm)(const NormArgs&, int64_t begin, int64_t end);
  void (*layer_norm)(const NormArgs&, int64_t begin, int64_t end);
  void (*rope)(const RopeArgs&, int64_t begin, int64_t end);
  void (*gate)(const GateArgs&, int64_t begin, int64_t end);
  void (*activate)(Rows x, Act act, int64_t begin, int64_t end);
  void (*gru)(const GruArgs&, int64_t begin, int64_t end);
  void (*pool)(const PoolArgs&, int64_t begin, int64_t end);
  void (*mix)(const MixArgs&, int64_t begin, int64_t end);
  /// Of directions of rows: row begin / directions first.
  void (*lstm)(const LstmArgs&, int64_t begin, int64_t end);
};

/// What sampling needs of a row of logits of `type`, of n numbers.
struct SampleKernels {
  /// The lowest index of the greatest number and that number; index -1 if one is NaN.
  struct Top {
    int32_t index;
    float value;
  };
  Top (*top)(const float* logits, int64_t n);
  /// weights[i] = exp((logits[i] - top) * inverse_temperature) where that is at least `least`, else
  /// 0. `sums` gets the sum of every kSampleBlock weights. `weights` may be the logits.
  void (*weigh)(float* weights, double* sums, const float* logits, int64_t n, float top,
                float inverse_temperature, float least);
  /// Writes the indices (rising) of weights that are at least `least`; how many. At most `room` are
  /// written.
  int64_t (*collect)(int32_t* indices, int64_t room, const float* weights, int64_t n, float least);
};
constexpr int64_t kSampleBlock = 256;

struct CpuKernels {
  RowKernels rows;
  AttentionKernels attention;
  SampleKernels sample;
};

/// REQUIRES the processor to have `isa`.
CpuKernels cpu_kernels(Isa isa);

RowKernels row_kernels_avx2();
RowKernels row_kernels_avx512();
RowKernels row_kernels_avx512_bf16();
AttentionKernels attention_kernels_avx2();
AttentionKernels attention_kernels_avx512();
AttentionKernels attention_kernels_avx512_bf16();
AttentionKernels attention_kernels_amx();
SampleKernels sample_kernels_avx2();
SampleKernels sample_kernels_avx512();

}  // namespace weir::kernels
