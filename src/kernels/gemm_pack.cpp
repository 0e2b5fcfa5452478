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

/// Panel `index` of a weight as `panel`, which is zeroed: its outputs, after their gates where
/// there are any.
template <class To>
void pack_panel(To* panel, const Panels& panels, int64_t index, const WeightSource& source) {
  const int64_t cols = panels.kernel().panel_cols, outputs = panels.outputs_a_panel();
  if (panels.gated()) pack_panel(panel, cols, source.gates, index * outputs, outputs);
  pack_panel(panel + (cols - outputs) * kGroup<To>, cols, source.weight, index * outputs, outputs);
}

std::vector<bf16> packed_panel(const Panels& panels, int64_t index, const WeightSource& source) {
  std::vector<bf16> panel(panels.plain_panel_bytes() / sizeof(bf16));
  pack_panel(panel.data(), panels, index, source);
  return panel;
}

/// task(panel) for each of `count`, in chunks of `pool`.
template <class Task>
void for_each_panel(int64_t count, ThreadPool& pool, Task task) {
  constexpr int64_t kMostChunks = 1024;
  const int64_t chunks = std::min(count, kMostChunks);
  pool.run(static_cast<int>(chunks), [&](int chunk) {
    for (int64_t p = count * chunk / chunks; p < count * (chunk + 1) / chunks; ++p) task(p);
  });
}

}  // namespace

Panels::Panels(const GemmKernel& kernel, const WeightSource& source, Coding coding,
               ThreadPool& pool, WeightMemory& memory)
    : kernel_(kernel),
      out_features_(source.weight.rows),
      in_features_(source.weight.cols),
      gated_(source.gates.data != nullptr),
      coded_(coding == Coding::by_escapes && few_escapes(source)),
      memory_(memory.take(static_cast<size_t>(count()) * panel_bytes())) {
  if (coded_)
    write_coded(source, pool);
  else
    write(source, pool);
}

size_t Panels::bytes() const {
  return static_cast<size_t>(count()) * panel_bytes() + escapes_.size() * sizeof(Escape);
}

/// Looks at some panels.
bool Panels::few_escapes(const WeightSource& source) const {
  constexpr size_t kNumbersAnEscape = 512;  // one step in eight is mended
  constexpr int64_t kSamples = 4;
  constexpr size_t kPlainUnitBytes = kUnitSteps * kStepVectors * kCodedVectorBytes;
  const bool whole_units = plain_panel_bytes() % kPlainUnitBytes == 0;
  if (!kernel_.coded_tile || !whole_units) return false;
  size_t numbers = 0, escapes = 0;
  for (int64_t p = 0; p < count(); p += std::max<int64_t>(1, count() / kSamples)) {
    const auto panel = packed_panel(*this, p, source);
    numbers += panel.size();
    escapes += count_escapes(panel);
  }
  return escapes * kNumbersAnEscape <= numbers;
}

void Panels::write(const WeightSource& source, ThreadPool& pool) {
  for_each_panel(count(), pool, [&](int64_t p) {
    if (type() == DType::float32)
      pack_panel(reinterpret_cast<float*>(panel(p)), *this, p, source);
    else
      pack_panel(reinterpret_cast<bf16*>(panel(p)), *this, p, source);
  });
}

void Panels::write_coded(const WeightSource& source, ThreadPool& pool) {
  std::vector<std::vector<Escape>> escapes(static_cast<size_t>(count()));
  for_each_panel(count(), pool, [&](int64_t p) {
    escapes[static_cast<size_t>(p)] = code_panel(panel(p), packed_panel(*this, p, source));
  });
  for (int64_t p = 0; p < count(); ++p) {
    const auto& found = escapes[static_cast<size_t>(p)];
    reinterpret_cast<CodedHead*>(panel(p))->first_escape = static_cast<uint32_t>(escapes_.size());
    escapes_.insert(escapes_.end(), found.begin(), found.end());
  }
}

std::unique_ptr<PackedWeight> pack_weight(Isa isa, const WeightSource& source, DType type,
                                          ThreadPool& pool, WeightMemory& memory, Coding coding) {
  const auto& [weight, gates] = source;
  believe(!gates.data || (gates.rows == weight.rows && gates.cols == weight.cols),
          "pack: gates are (%" PRId64 ", %" PRId64 ") of a weight (%" PRId64 ", %" PRId64 ")",
          gates.rows, gates.cols, weight.rows, weight.cols);
  return std::make_unique<Panels>(gemm_kernel(isa, type), source, coding, pool, memory);
}

std::unique_ptr<PackedWeight> PackedWeight::pack(ConstRows weight, DType type, ThreadPool& pool,
                                                 WeightMemory& memory) {
  return pack_weight(cpu_isa(), {weight}, type, pool, memory);
}

std::unique_ptr<PackedWeight> PackedWeight::pack_gated(ConstRows gates, ConstRows weight,
                                                       DType type, ThreadPool& pool,
                                                       WeightMemory& memory) {
  return pack_weight(cpu_isa(), {weight, gates}, type, pool, memory);
}

}  // namespace weir::kernels
