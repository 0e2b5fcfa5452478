#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "weir/base/result.h"
#include "weir/nn/backend.h"

namespace weir::engine {

enum class DeviceKind : uint8_t { cpu, cuda };

struct DeviceOptions {
  DeviceKind kind = DeviceKind::cpu;
  int index = 0;    // which GPU
  int threads = 0;  // on the CPU; 0: as many as cores and the group's quota of time let run
};

/// One device and the threads that compute on it. Outlives every model loaded on it.
class Device {
 public:
  /// Errors: a GPU in a build without CUDA, or one that is not there.
  static Result<std::unique_ptr<Device>> open(const DeviceOptions& options);
  virtual ~Device() = default;

  virtual DeviceKind kind() const = 0;
  virtual std::string name() const = 0;  // "cpu, 2 threads, avx512_bf16"
  /// Thread-local set-up; called once by the step thread before anything else of the engine.
  virtual void enter() = 0;
  virtual nn::Backend& backend() = 0;
  /// Called when a model has been loaded: memory that only loading needed goes back.
  virtual void loaded() {}
  /// Open while a step runs.
  virtual void step_begin() {}
  virtual void step_end() {}
  /// Memory that a cache could take, in bytes.
  virtual uint64_t free_memory() const = 0;
};

/// The best device of this machine: a GPU where the build and the machine have one.
DeviceKind best_device();

}  // namespace weir::engine
