#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/bf16.h"
#include "kernels/check.h"
#include "kernels/pack.h"
#include "weir/kernels/thread_pool.h"

namespace weir::kernels {
namespace {

float widen(bf16 half) { return std::bit_cast<float>(uint32_t{half.bits} << 16); }

bf16 narrow(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1), quiet = bits | 0x400000;
  return {static_cast<uint16_t>((value != value ? quiet : rounded) >> 16)};
}

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, From>)
    return value;
  else if constexpr (std::is_same_v<To, float>)
    return widen(value);
  else
    return narrow(value);
}

/// Inputs that lie next to each other: element (output, input) of a panel is at
/// (input / kGroup * cols + output) * kGroup + input % kGroup.
template <class T>
constexpr int64_t kGroup = sizeof(uint32_t) / sizeof(T);

/// Sixteen inputs of all outputs at a time: whole cache lines of the source, and a target that
/// stays in cache. `most` outputs from `first` on, of a panel that is `cols` wide.
template <class To, class From>
void pack_panel(To* panel, int64_t cols, ConstRows source, int64_t first, int64_t most) {
  constexpr int64_t kBlock = 16, group = kGroup<To>;
  const int64_t outputs = std::min(most, source.rows - first);
  for (int64_t begin = 0; begin < source.cols; begin += kBlock) {
    const int64_t inputs = std::min(kBlock, source.cols - begin);
    To* block = panel + begin * cols;
    for (int64_t j = 0; j < outputs; ++j) {
      From values[kBlock] = {};  // the source may be a file's bytes, aligned to nothing
      const auto* row = static_cast<const std::byte*>(source.data) +
                        ((first + j) * source.stride + begin) * static_cast<int64_t>(sizeof(From));
      if (inputs == kBlock)
        std::memcpy(values, row, sizeof(values));
      else
        std::memcpy(values, row, sizeof(From) * static_cast<size_t>(inputs));
      To converted[kBlock];
      for (int64_t i = 0; i < kBlock; ++i) converted[i] = convert<To>(values[i]);
      for (int64_t i = 0; i < inputs; i += group)
        std::memcpy(block + i * cols + j * group, converted + i, sizeof(uint32_t));
    }
  }
}

template <class To>
void pack_panel(To* panel, int64_t cols, const ConstRows& source, int64_t first, int64_t most) {
  if (source.type == DType::float32)
    pack_panel<To, float>(panel, cols, source, first, most);
  else
    pack_panel<To, bf16>(panel, cols, source, first, most);
}

/// Panel `index`: its outputs, after their gates where there are any.
template <class To>
void pack_panel(const Panels& panels, int64_t index, const ConstRows& weight,
                const ConstRows& gates) {
  const int64_t cols = panels.kernel().panel_cols, outputs = panels.outputs_a_panel();
  auto* panel = reinterpret_cast<To*>(panels.panel(index));
  if (panels.gated()) pack_panel(panel, cols, gates, index * outputs, outputs);
  pack_panel(panel + (cols - outputs) * kGroup<To>, cols, weight, index * outputs, outputs);
}

template <class To, class From>
void unpack(To* out, const From* panel, int64_t cols, int64_t column, int64_t in) {
  constexpr int64_t group = kGroup<From>;
  for (int64_t i = 0; i < in; ++i)
    out[i] = convert<To>(panel[(i / group * cols + column) * group + i % group]);
}

template <class To>
void unpack(To* out, const std::byte* panel, const GemmKernel& kernel, int64_t column, int64_t in) {
  if (kernel.type == DType::float32)
    unpack(out, reinterpret_cast<const float*>(panel), kernel.panel_cols, column, in);
  else
    unpack(out, reinterpret_cast<const bf16*>(panel), kernel.panel_cols, column, in);
}

}  // namespace

Panels::Panels(const GemmKernel& kernel, int64_t out_features, int64_t in_features, bool gated,
               WeightMemory& memory)
    : kernel_(kernel),
      out_features_(out_features),
      in_features_(in_features),
      gated_(gated),
      memory_(memory.take(bytes())) {}

void Panels::unpack_row(Rows out, int64_t out_row, int64_t index) const {
  believe(!gated_ && index >= 0 && index < out_features_,
          "unpack_row: row %" PRId64 " of a weight of %" PRId64, index, out_features_);
  believe(out_row >= 0 && out_row < out.rows, "unpack_row: into row %" PRId64 " of %" PRId64,
          out_row, out.rows);
  believe(out.cols == in_features_,
          "unpack_row: out has %" PRId64 " columns; the weight's rows have %" PRId64, out.cols,
          in_features_);
  const std::byte* source = panel(index / kernel_.panel_cols);
  const int64_t column = index % kernel_.panel_cols;
  const int64_t offset = out_row * out.stride;
  if (out.type == DType::float32)
    unpack(static_cast<float*>(out.data) + offset, source, kernel_, column, in_features_);
  else
    unpack(static_cast<bf16*>(out.data) + offset, source, kernel_, column, in_features_);
}

std::unique_ptr<PackedWeight> pack_weight(Isa isa, ConstRows weight, DType type, ThreadPool& pool,
                                          WeightMemory& memory, ConstRows gates) {
  const bool gated = gates.data != nullptr;
  believe(!gated || (gates.rows == weight.rows && gates.cols == weight.cols),
          "pack: gates are (%" PRId64 ", %" PRId64 ") of a weight (%" PRId64 ", %" PRId64 ")",
          gates.rows, gates.cols, weight.rows, weight.cols);
  auto panels =
      std::make_unique<Panels>(gemm_kernel(isa, type), weight.rows, weight.cols, gated, memory);
  constexpr int64_t kMostChunks = 1024;
  const int64_t count = panels->count(), chunks = std::min(count, kMostChunks);
  pool.run(static_cast<int>(chunks), [&](int chunk) {
    for (int64_t p = count * chunk / chunks; p < count * (chunk + 1) / chunks; ++p) {
      if (type == DType::float32)
        pack_panel<float>(*panels, p, weight, gates);
      else
        pack_panel<bf16>(*panels, p, weight, gates);
    }
  });
  return panels;
}

std::unique_ptr<PackedWeight> PackedWeight::pack(ConstRows weight, DType type, ThreadPool& pool,
                                                 WeightMemory& memory) {
  return pack_weight(cpu_isa(), weight, type, pool, memory);
}

std::unique_ptr<PackedWeight> PackedWeight::pack_gated(ConstRows gates, ConstRows weight,
                                                       DType type, ThreadPool& pool,
                                                       WeightMemory& memory) {
  return pack_weight(cpu_isa(), weight, type, pool, memory, gates);
}

}  // namespace weir::kernels
