#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/coded_panel.h"
#include "weir/kernels/cpu_isa.h"
#include "weir/kernels/gemm.h"

namespace weir::kernels {

/// One register tile of a product: some packed rows of x times one to four neighbouring panels of
/// the weight.
struct GemmTile {
  const float* x = nullptr;  // a block of rows, as GemmKernel::pack_rows writes it
  int rows = 0;
  const std::byte* weight = nullptr;  // the first panel
  size_t panel_bytes = 0;
  const Escape* escapes = nullptr;  // of a coded weight
  std::byte* decoded = nullptr;     // where a coded panel is written to uncoded, or null
  int64_t steps = 0;
  const std::byte* ahead = nullptr;  // what a step fetches into cache, per panel: some lines from
  int64_t ahead_a_step = 0;          // here, and so many bytes further with each step
  const std::byte* pages[2] = {};    // keys and values of a page, fetched likewise, so many bytes
  int64_t pages_a_step = 0;          // of each a step, at most half a line; AMX's leave them
  void* out = nullptr;               // (rows, cols) of out_type
  int64_t out_stride = 0;
  DType out_type = DType::float32;
  const float* bias = nullptr;       // (cols) or null
  const float* gate_bias = nullptr;  // (cols) or null, of a gated weight
  int cols = 0;                      // columns that exist; the last panel may be padded
  Epilogue epilogue = {};
};

/// What one instruction set does for one type of weight. A weight is packed in panels of
/// `panel_cols` outputs; inside a panel inputs follow each other, bfloat16 in pairs: float32 (in,
/// panel_cols), bfloat16 (in / 2, panel_cols, 2). Of a gated weight a panel's first half are the
/// gates of its second. Missing inputs and outputs are zero. Every sum is one chain of the same
/// instructions over the inputs, whatever the tile. A step of it takes `inputs_a_step` inputs. A
/// coded panel (coded_panel.h) holds the same numbers in fewer bytes.
struct GemmKernel {
  using Tile = void (*)(const GemmTile&);

  DType type;
  int panel_cols;
  int max_rows;  // of a tile
  int inputs_a_step;
  int words_a_step;         // 32-bit words of one row of x that a step of the sum reads
  double ops_a_nanosecond;  // of one thread with many rows, about
  int64_t group_bytes;      // packed rows that stay in the second level of cache beside a panel
  /// Rearranges `rows` rows of x, (rows, in), for `tile`: (steps, words a step, rows) or (steps,
  /// rows, words a step) words. Fills up the last step with zeros. `tile` may read, not use, what
  /// follows for as many rows as a tile has at most.
  void (*pack_rows)(float* packed, const void* x, int64_t stride, int rows, int64_t in);
  /// How many panels a tile of so many rows takes at best: 4, 2 or 1. Fewer rows take no fewer
  /// panels.
  int (*panels)(int rows);
  /// REQUIRES 1 <= rows <= max_rows; panels is 1, 2 or 4 and at most panels(rows).
  Tile (*tile)(int rows, int panels);
  /// The same of one coded panel. Null: such weights are not coded.
  Tile (*coded_tile)(int rows);
  /// What a thread does before some tiles and after them; null: nothing.
  void (*enter)();
  void (*leave)();

  int64_t steps(int64_t in) const { return (in + inputs_a_step - 1) / inputs_a_step; }
  size_t panel_bytes(int64_t in) const {
    return static_cast<size_t>(steps(in) * inputs_a_step * panel_cols) * size_of(type);
  }
};

const GemmKernel& gemm_float32_avx2();
const GemmKernel& gemm_bfloat16_avx2();
const GemmKernel& gemm_float32_avx512();
const GemmKernel& gemm_bfloat16_avx512();
const GemmKernel& gemm_bfloat16_avx512_bf16();
const GemmKernel& gemm_bfloat16_amx();

const GemmKernel& gemm_kernel(Isa isa, DType type);

}  // namespace weir::kernels
