// bfloat16 products by tiles of AMX: 16 rows by 32 inputs by 16 outputs an instruction. A panel's
// pairs lie as a tile wants them; a tile of fewer rows reads on into what follows them and drops
// the sums, which costs nothing: a tile with one row takes as long as with sixteen, and still less
// than memory takes for its weights.
#include <cstring>

#include "kernels/amx_tiles.h"
#include "kernels/simd_avx512.h"
// after the vectors it is written in
#include "kernels/simd_math.h"
// after the functions they use
#include "kernels/gemm_tile.h"
// after the tile
#include "kernels/gemm_coded_tile.h"

namespace weir::kernels {
namespace {

constexpr int kPanelCols = 32, kPanelTiles = 2;
constexpr int kStepInputs = 32, kStepWords = 16;
constexpr int64_t kPanelStepBytes = kStepInputs * kPanelCols * 2;
constexpr int64_t kPanelStride = kPanelCols * 4;  // of the pairs of one input and the next

/// (steps, rows, kStepWords) words.
void pack_steps(float* packed, const void* x, int64_t stride, int rows, int64_t in) {
  constexpr size_t kStepBytes = kStepWords * sizeof(float);
  const int64_t whole = in / kStepInputs, left = in % kStepInputs;
  for (int r = 0; r < rows; ++r) {
    const bf16* row = static_cast<const bf16*>(x) + r * stride;
    float* to = packed + r * kStepWords;
    for (int64_t s = 0; s < whole; ++s, row += kStepInputs, to += rows * kStepWords)
      std::memcpy(to, row, kStepBytes);
    if (left == 0) continue;
    std::memset(to, 0, kStepBytes);
    std::memcpy(to, row, static_cast<size_t>(left) * sizeof(bf16));
  }
}

inline void fetch(const GemmTile& tile, const std::byte* ahead, int panels) {
  for (int p = 0; p < panels; ++p, ahead += tile.panel_bytes)
    for (int64_t line = 0; line < tile.ahead_a_step; line += 64)
      __builtin_prefetch(ahead + line, 0, kSecondLevel);
}

// Sums are tiles 0 to 3, (kLefts, kPanels * kPanelTiles) of them; rows of x are 4 and 5, weights 6
// and 7.
template <int kLefts, int kPanels, int kRight = 0>
void multiply_step(const float* x, const std::byte* weight, size_t panel_bytes) {
  constexpr int kRights = kPanels * kPanelTiles, kWeight = 6 + kRight % 2;
  if constexpr (kRight < kRights) {
    if constexpr (kRight == 0 && kLefts == 1) tile_load<4>(x, kTileRegisterBytes);
    if constexpr (kRight == 0 && kLefts == 2) {  // mostly one of many blocks that a panel waits for
      tile_load_once<4>(x, kTileRegisterBytes);
      tile_load_once<5>(x + kTileRegisterRows * kStepWords, kTileRegisterBytes);
    }
    tile_load<kWeight>(
        weight + kRight / kPanelTiles * panel_bytes + kRight % kPanelTiles * kTileRegisterBytes,
        kPanelStride);
    tile_multiply_add<kRight, 4, kWeight>();
    if constexpr (kLefts == 2) tile_multiply_add<kRights + kRight, 5, kWeight>();
    multiply_step<kLefts, kPanels, kRight + 1>(x, weight, panel_bytes);
  }
}

template <int kTiles, int kTile = 0>
void zero_sums() {
  if constexpr (kTile < kTiles) {
    tile_zero<kTile>();
    zero_sums<kTiles, kTile + 1>();
  }
}

/// (kTiles / kRights * 16, kRights * 16)
template <int kTiles, int kRights, int kTile = 0>
void store_sums(float* sums) {
  if constexpr (kTile < kTiles) {
    constexpr int kCols = kRights * kLanes;
    tile_store<kTile>(sums + kTile / kRights * kTileRegisterRows * kCols + kTile % kRights * kLanes,
                      kCols * sizeof(float));
    store_sums<kTiles, kRights, kTile + 1>(sums);
  }
}

/// What the tile registers hold, through the epilogue.
template <int kLefts, int kRights>
void finish(const GemmTile& tile) {
  constexpr int kWidth = kRights * kLanes;
  alignas(64) float sums[kLefts * kTileRegisterRows * kWidth];
  store_sums<kLefts * kRights, kRights>(sums);
  if (tile.out_type == DType::float32)
    store_any_tile<float, kWidth>(tile, sums, tile.rows);
  else
    store_any_tile<bf16, kWidth>(tile, sums, tile.rows);
}

template <int kLefts, int kPanels>
void run_steps(const GemmTile& tile) {
  constexpr int kRights = kPanels * kPanelTiles;
  zero_sums<kLefts * kRights>();
  const float* x = tile.x;
  const std::byte *weight = tile.weight, *ahead = tile.ahead;
  for (int64_t s = 0; s < tile.steps; ++s) {
    fetch(tile, ahead, kPanels);
    multiply_step<kLefts, kPanels>(x, weight, tile.panel_bytes);
    x += tile.rows * kStepWords;
    weight += kPanelStepBytes;
    ahead += tile.ahead_a_step;
  }
  finish<kLefts, kRights>(tile);
}

/// The steps of a coded panel, one after the other.
class Decoder {
 public:
  explicit Decoder(const GemmTile& tile)
      : Decoder(tile, *reinterpret_cast<const CodedHead*>(tile.weight)) {}

  void write_step(std::byte* to) {
    constexpr uint32_t kCodedSteps = kPanelStepBytes / (kStepVectors * kVectorBytes);
#pragma GCC unroll 2
    for (uint32_t s = 0; s < kCodedSteps; ++s, ++index_) {
      Vec step[kStepVectors];
      decode(step, unit_, static_cast<int>(s % kUnitSteps), book_);
      if (escape_->step == index_) [[unlikely]]
        escape_ = mend(step, escape_, index_);
#pragma GCC unroll 2
      for (int v = 0; v < kStepVectors; ++v, to += kVectorBytes)
        store(reinterpret_cast<float*>(to), step[v]);
      if (s % kUnitSteps == kUnitSteps - 1) unit_ += kUnitVectors * kCodedVectorBytes;
    }
  }

 private:
  Decoder(const GemmTile& tile, const CodedHead& head)
      : book_(load_book(head)),
        escape_(tile.escapes + head.first_escape),
        unit_(tile.weight + sizeof(CodedHead)) {}

  __m512i book_;
  const Escape* escape_;
  const std::byte* unit_;
  uint32_t index_ = 0;
};

/// A tile register is loaded from memory only, so a step is written there while the one before it
/// is multiplied: to tile.decoded, or where two steps have room and stay in the first level of
/// cache.
template <int kLefts>
void run_coded_steps(const GemmTile& tile) {
  alignas(64) std::byte two_steps[2 * kPanelStepBytes];
  const auto place = [&](int64_t step) {
    return tile.decoded ? tile.decoded + step * kPanelStepBytes
                        : two_steps + step % 2 * kPanelStepBytes;
  };
  zero_sums<kLefts * kPanelTiles>();
  Decoder decoder(tile);
  const float* x = tile.x;
  const std::byte* ahead = tile.ahead;
  for (int64_t s = 0; s <= tile.steps; ++s) {
    if (s < tile.steps) {
      fetch(tile, ahead, 1);
      ahead += tile.ahead_a_step;
      decoder.write_step(place(s));
    }
    if (s > 0) {
      multiply_step<kLefts, 1>(x, place(s - 1), 0);
      x += tile.rows * kStepWords;
    }
  }
  finish<kLefts, kPanelTiles>(tile);
}

int panels_of_rows(int rows) { return rows <= kTileRegisterRows ? 2 : 1; }

GemmKernel::Tile tile_of_rows(int rows, int panels) {
  if (rows > kTileRegisterRows) return run_steps<2, 1>;
  return panels == 2 ? run_steps<1, 2> : run_steps<1, 1>;
}

GemmKernel::Tile coded_tile_of_rows(int rows) {
  return rows > kTileRegisterRows ? run_coded_steps<2> : run_coded_steps<1>;
}

}  // namespace

const GemmKernel& gemm_bfloat16_amx() {
  static constexpr GemmKernel kKernel = {.type = DType::bfloat16,
                                         .panel_cols = kPanelCols,
                                         .max_rows = 2 * kTileRegisterRows,
                                         .inputs_a_step = kStepInputs,
                                         .words_a_step = kStepWords,
                                         .ops_a_nanosecond = 800,
                                         .group_bytes = 1 << 20,
                                         .pack_rows = pack_steps,
                                         .panels = panels_of_rows,
                                         .tile = tile_of_rows,
                                         .coded_tile = coded_tile_of_rows,
                                         .enter = take_tiles,
                                         .leave = give_tiles_back};
  return kKernel;
}

}  // namespace weir::kernels
