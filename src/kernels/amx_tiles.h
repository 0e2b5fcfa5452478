// The tile registers of AMX: eight of 16 rows of 64 bytes. A register's number is part of its
// instruction, hence the templates. Local to the including file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::kernels {
namespace {

constexpr int kTileRegisterRows = 16, kTileRegisterBytes = 64;

/// Gives the calling thread its tiles, all of them whole. They cost every switch of threads 8 KB,
/// so that a thread gives them back when it is done.
inline void take_tiles() {
  struct alignas(64) Shape {  // as LDTILECFG reads it
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes_a_row[16];
    uint8_t rows[16];
  };
  static constexpr Shape kWhole = [] {
    Shape shape{.palette = 1, .start_row = 0, .reserved = {}, .bytes_a_row = {}, .rows = {}};
    for (int i = 0; i < 8; ++i) {
      shape.bytes_a_row[i] = kTileRegisterBytes;
      shape.rows[i] = kTileRegisterRows;
    }
    return shape;
  }();
  __asm__ volatile("ldtilecfg %0" : : "m"(kWhole));
}

inline void give_tiles_back() { __asm__ volatile("tilerelease"); }

template <int kTile>
void tile_zero() {
  __asm__ volatile("tilezero %%tmm%c0" : : "i"(kTile));
}

/// Rows of 64 bytes, `stride` bytes apart.
template <int kTile>
void tile_load(const void* data, int64_t stride) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2"
                   :
                   : "r"(data), "r"(stride), "i"(kTile)
                   : "memory");
}

/// The same of what is not read again soon: it asks for no room in the first level of cache.
template <int kTile>
void tile_load_once(const void* data, int64_t stride) {
  __asm__ volatile("tileloaddt1 (%0,%1,1), %%tmm%c2"
                   :
                   : "r"(data), "r"(stride), "i"(kTile)
                   : "memory");
}

template <int kTile>
void tile_store(void* data, int64_t stride) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)"
                   :
                   : "r"(data), "r"(stride), "i"(kTile)
                   : "memory");
}

/// float32 (16, 16) += bfloat16 (16, 32) x pairs of bfloat16 (16, 16, 2).
template <int kSum, int kLeft, int kRight>
void tile_multiply_add() {
  __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kLeft), "i"(kRight));
}

}  // namespace
}  // namespace weir::kernels
