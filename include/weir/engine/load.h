#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weir/base/progress.h"
#include "weir/base/result.h"
#include "weir/engine/device.h"
#include "weir/folder/head_card.h"
#include "weir/kernels/cpu_isa.h"
#include "weir/nn/head_folder.h"
#include "weir/nn/model.h"
#include "weir/schedule/plan.h"

namespace weir::engine {

enum class DType : uint8_t { automatic, float32, bfloat16 };

/// A cache's part of what a GPU has left, once a model's steps have run.
struct LeftOver {
  uint64_t reserve = 0;  // bytes that stay free
  uint32_t sharers = 1;  // caches that are still to be made, this one among them

  uint64_t part_of(uint64_t free) const { return (free - std::min(free, reserve)) / sharers; }
};

struct LoadOptions {
  std::string directory;
  std::vector<std::string> heads = {};  // folders of further heads (nn/head_folder.h)
  DType dtype = DType::automatic;
  uint32_t max_model_len = 0;   // 0: what the model takes
  uint32_t max_sequences = 64;  // rows of a step
  uint32_t max_batch_tokens = 2048;
  uint64_t cache_bytes =
      0;  // for keys and values; 0: none is needed, or as much as one full sequence
  std::optional<LeftOver> left_over = {};  // on a GPU: instead of cache_bytes
  uint32_t page_size = 16;
  uint32_t pages = 0;  // exactly so many instead of cache_bytes; 0: cache_bytes decides
  bool dummy = false;  // random weights
};

/// What a model folder resolves to.
struct Description {
  DeviceKind device = DeviceKind::cpu;
  std::string architecture;  // "LlamaForCausalLM"
  nn::Shape shape;
  std::string dtype;           // resolved: "float32", "bfloat16"
  kernels::CpuCosts costs;     // of that type, on a processor
  uint32_t max_model_len = 0;  // after loading: no more than the cache holds
  uint64_t numbers = 0;        // in the files of the weights; 0 with dummy weights
  uint64_t weight_bytes = 0;   // of the files, on a GPU of `dtype`; 0 with dummy weights
  uint32_t max_source = 0;     // of a source, likewise; 0: there is no encoder beside a decoder
  uint64_t page_bytes = 0;     // of one page over all layers; 0 without pages
  uint64_t slot_bytes = 0;     // of one sequence's state of fixed size; 0 without one
  std::vector<folder::HeadCard>
      heads;  // what can be asked of it; as Shape and ModelSpec count them
  std::vector<std::string> weight_files;  // none with dummy weights
  std::vector<std::string>
      warnings;  // what is odd in the folder and keeps nothing from being right
};

struct LoadedModel {
  std::unique_ptr<schedule::Runner> runner;
  Description description;
};

/// Does all of load() but the reading of numbers, on no device: what load() refuses it refuses.
/// Errors: invalid_argument with the reason.
Result<Description> describe(const LoadOptions& options,
                             std::span<const nn::Architecture> architectures, DeviceKind device);

/// Checks a head's folder alone: all of load() but the comparison with the model's weights. Errors:
/// invalid_argument with the reason.
Result<nn::HeadAlone> describe_head(const std::string& directory,
                                    std::span<const nn::Architecture> architectures,
                                    DeviceKind device);

/// Builds the model on `device`, which outlives it. Runs in the step thread, after Device::enter.
Result<LoadedModel> load(const LoadOptions& options,
                         std::span<const nn::Architecture> architectures, Device& device,
                         Progress& progress);

}  // namespace weir::engine
