#include "engine/cpu_runner.h"

#include <exception>

#include "engine/outputs.h"
#include "engine/step_inputs.h"

namespace weir::engine {
namespace {

/// Opens the device's step for as long as it lives.
class StepScope {
 public:
  explicit StepScope(Device& device) : device_(device) { device_.step_begin(); }
  ~StepScope() { device_.step_end(); }
  StepScope(const StepScope&) = delete;

 private:
  Device& device_;
};

class CpuRunner final : public schedule::Runner {
 public:
  CpuRunner(schedule::ModelSpec spec, nn::Model model, ModelState state, Device& device)
      : spec_(std::move(spec)),
        model_(std::move(model)),
        state_(std::move(state)),
        device_(device) {}

  const schedule::ModelSpec& spec() const override { return spec_; }
  int depth() const override { return 0; }

  Result<void> launch(const schedule::StepPlan& plan) override {
    try {
      StepScope scope(device_);
      compute(plan);
      return {};
    } catch (const std::exception& failure) {
      return Error{.code = Code::internal,
                   .message = std::string("the step failed: ") + failure.what()};
    }
  }

  Result<std::vector<work::Output>> collect() override { return std::move(outputs_); }

 private:
  void compute(const schedule::StepPlan& plan) {
    step_.fill(plan, model_.heads.size());
    for (const kernels::PagedKv& layer : state_.view().layers)
      if (!step_.page_copies.empty()) device_.backend().ops().copy_pages(layer, step_.page_copies);
    nn::Inputs inputs = step_.inputs();
    device_.backend().ops().begin_step(state_.uses(model_.shape, inputs));
    const TrunkReads reads = reads_of(model_, inputs, step_.tasks);
    if (reads.last) inputs.read = *reads.last;
    inputs.inner = reads.inner;
    const nn::Pass pass{inputs, state_.view(), device_.backend()};
    const nn::Hidden hidden = model_.trunk->forward(pass);
    answers_.clear();
    for (size_t i = 0; i < model_.heads.size(); ++i) {
      const StepTasks::Asked& asked = step_.tasks.heads()[i];
      answers_.push_back(asked.lines > 0 ? model_.heads[i].head->apply(hidden, pass, asked.tasks)
                                         : nn::HeadOutput());
    }
    outputs_ = outputs_of(answers_, step_.tasks);
    answers_.clear();  // their memory is the next step's
  }

  schedule::ModelSpec spec_;
  nn::Model model_;
  ModelState state_;
  Device& device_;
  StepInputs step_;
  std::vector<nn::HeadOutput> answers_;  // of each head
  std::vector<work::Output> outputs_;
};

}  // namespace

std::unique_ptr<schedule::Runner> make_cpu_runner(schedule::ModelSpec spec, nn::Model model,
                                                  ModelState state, Device& device) {
  return std::make_unique<CpuRunner>(std::move(spec), std::move(model), std::move(state), device);
}

}  // namespace weir::engine
