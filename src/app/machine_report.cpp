#include "app/machine_report.h"

#include "app/memory_plan.h"
#include "weir/engine/device.h"

namespace weir::app {

Result<void> print_machine(std::vector<PlannedModel> models, const Config& config,
                           std::ostream& out) {
  auto device = engine::Device::open({.kind = engine::best_device(), .threads = config.threads});
  if (!device) return device.error();
  const Hardware hardware{.device = (*device)->kind(), .free = (*device)->free_memory()};
  const CgroupLimits container = cgroup_limits();
  out << "machine\n  device        " << (*device)->name() << "\n";
  if (container.memory) {
    out << "  memory limit  " << (container.memory->limit >> 20) << " MiB of the container, "
        << (container.memory->used >> 20) << " in use\n";
  }
  set_step_limits(models, config, hardware);
  auto cache = plan_memory(models, config, hardware, container);
  if (!cache) return cache.error();
  out << "  memory        " << (*cache >> 20) << " MiB for keys and values\n";
  for (const PlannedModel& model : models)
    out << "  steps of " << model.choice.name << "  " << to_string(model.step) << "\n";
  return {};
}

}  // namespace weir::app
