#include "engine/cpu_device.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <sched.h>

#include <fstream>
#include <optional>

#include "engine/tensor_memory.h"
#include "weir/base/cgroup.h"
#include "weir/kernels/cpu_isa.h"
#include "weir/kernels/thread_pool.h"

namespace weir::engine {
namespace {

int scheduled_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(int threads)
      : memory_(install_tensor_memory()), pool_(threads), backend_(nn::make_cpu_backend(pool_)) {}

  DeviceKind kind() const override { return DeviceKind::cpu; }
  std::string name() const override {
    return "cpu, " + std::to_string(pool_.threads()) + " threads, " +
           kernels::to_string(kernels::cpu_isa());
  }
  void enter() override {
    at::set_num_threads(1);
    at::init_num_threads();
    inference_.emplace(true);
  }
  nn::Backend& backend() override { return *backend_; }
  void loaded() override { memory_.give_back(); }
  void step_begin() override {
    memory_.next_step();
    pool_.step_begin();
  }
  void step_end() override { pool_.step_end(); }

  uint64_t free_memory() const override {
    std::ifstream info("/proc/meminfo");
    std::string field;
    uint64_t kib = 0;
    while (info >> field)
      if (field == "MemAvailable:" && info >> kib) return kib * 1024;
    return 0;
  }

 private:
  TensorMemory& memory_;
  kernels::ThreadPool pool_;
  std::unique_ptr<nn::Backend> backend_;
  std::optional<c10::InferenceMode>
      inference_;  // thread-local: lives and dies in the step thread's time
};

}  // namespace

Result<std::unique_ptr<Device>> open_cpu_device(int threads) {
  auto isa = kernels::detect_isa();
  if (!isa) return isa.error();
  if (threads <= 0) threads = usable_threads(scheduled_cores(), cgroup_limits());
  return std::unique_ptr<Device>(std::make_unique<CpuDevice>(threads));
}

}  // namespace weir::engine
