#include "engine/runner_cuda.h"

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <optional>
#include <unordered_map>

#include "engine/device_inputs_cuda.h"
#include "engine/graph_buckets.h"
#include "engine/graphs_cuda.h"
#include "engine/outputs.h"
#include "weir/kernels/cuda_event.h"

namespace weir::engine {
namespace {

int64_t pages_of(int64_t tokens, const schedule::ModelSpec& spec) {
  return spec.memory.pages ? (tokens + spec.page_size - 1) / spec.page_size : 0;
}

DeviceInputs::Sizes max_sizes(const schedule::ModelSpec& spec, const StepLimits& limits,
                              int64_t rows) {
  const int64_t tokens = std::max<int64_t>(spec.step_tokens(limits.max_batch_tokens), rows);
  return {.rows = rows,
          .tokens = tokens,
          .pages = pages_of(spec.max_tokens, spec),
          .types = spec.token_types > 1 ? tokens : 0,
          .source_tokens = spec.memory.source ? tokens : 0,
          .source_pages = pages_of(spec.max_source, spec)};
}

/// The tensors of a head's answers, of which each may be undefined.
constexpr at::Tensor nn::HeadOutput::*kParts[] = {
    &nn::HeadOutput::numbers, &nn::HeadOutput::ids,     &nn::HeadOutput::logprobs,
    &nn::HeadOutput::ranks,   &nn::HeadOutput::top_ids, &nn::HeadOutput::top_logprobs};

/// A step whose answers are on their way to the host.
struct InFlight {
  StepTasks tasks;
  std::vector<nn::HeadOutput> answers;  // of each head; pinned, undefined where no row wants one
  kernels::CudaEvent there;
};

class CudaRunner final : public schedule::Runner {
 public:
  CudaRunner(schedule::ModelSpec spec, std::shared_ptr<const nn::Model> model, ModelState state,
             StepLimits limits, Device& device)
      : spec_(std::move(spec)),
        model_(std::move(model)),
        state_(std::move(state)),
        device_(device),
        max_rows_(bucket_of(static_cast<int32_t>(limits.max_sequences))),
        inputs_(max_sizes(spec_, limits, max_rows_), device.backend().device()) {}

  // Queued work reads what dies with the runner.
  ~CudaRunner() override { cudaStreamSynchronize(stream_.stream()); }

  const schedule::ModelSpec& spec() const override { return spec_; }
  int depth() const override { return 1; }

  Result<void> launch(const schedule::StepPlan& plan) override {
    if (lost_) return *lost_;
    try {
      start(plan);
      return {};
    } catch (const std::exception& failure) {
      lines_.clear();
      return error("the step failed", failure);
    }
  }

  Result<std::vector<work::Output>> collect() override {
    if (lost_) return *lost_;
    if (in_flight_.empty()) return Error{.code = Code::internal, .message = "no step is in flight"};
    auto outputs = wait_for(in_flight_.front());
    in_flight_.pop_front();
    return outputs;
  }

  std::optional<Error> lost() const override { return lost_; }

 private:
  void start(const schedule::StepPlan& plan) {
    step_.fill(with_used_pages(plan), model_->heads.size());
    std::vector<Carried> carried = carried_tokens(plan);
    int32_t bucket = decodes() ? bucket_of(static_cast<int32_t>(plan.rows.size())) : 0;
    if (bucket) fill_up(bucket);
    inputs_.upload(step_, carried);
    if (!carried.empty())
      kernels::put_sampled(inputs_.ids(), sampled_.const_data_ptr<int32_t>(), inputs_.carried(),
                           stream_.stream());
    nn::Inputs inputs = inputs_.inputs(step_);
    kernels::Ops& ops = device_.backend().ops();
    ops.begin_step(state_.uses(model_->shape, inputs));
    for (const kernels::PagedKv& layer : state_.view().layers)
      if (!step_.page_copies.empty()) ops.copy_pages(layer, step_.page_copies);
    // All of the last hidden states are made: which rows a graph would leave out differs by step.
    const std::vector<int32_t> inner = reads_of(*model_, inputs, step_.tasks).inner;
    inputs.inner = inner;
    const nn::Pass pass{inputs, state_.view(), device_.backend()};
    auto trunk = [&] { return model_->trunk->forward(pass); };
    auto last = [&] { return trunk().last; };  // (tokens, hidden)
    answer(plan, bucket ? nn::Hidden{.last = graphs_.run(bucket, last)} : trunk(), pass);
  }

  Result<std::vector<work::Output>> wait_for(const InFlight& step) {
    try {
      step.there.wait();
      return outputs_of(step.answers, step.tasks);
    } catch (const std::exception& failure) {
      return error("the step's answers did not come", failure);
    }
  }

  // Sequences hold pages ahead of their keys; attention takes a row's pages for as many as its keys
  // fill.
  const schedule::StepPlan& with_used_pages(const schedule::StepPlan& plan) {
    used_ = plan;
    for (schedule::Row& row : used_.rows) {
      auto keys = static_cast<int64_t>(row.first + std::max<size_t>(row.tokens.size(), 1));
      row.pages =
          row.pages.first(std::min(row.pages.size(), static_cast<size_t>(pages_of(keys, spec_))));
    }
    return used_;
  }

  std::vector<Carried> carried_tokens(const schedule::StepPlan& plan) const {
    std::vector<Carried> carried;
    for (size_t i = 0; i < plan.rows.size(); ++i) {
      if (!plan.rows[i].tokens.empty()) continue;
      auto line = lines_.find(plan.rows[i].id);
      if (line == lines_.end())
        throw std::runtime_error("sequence " + std::to_string(plan.rows[i].id) +
                                 " has no token in the step before");
      carried.push_back({step_.own.q_begin[i], line->second});
    }
    return carried;
  }

  bool decodes() const {
    const schedule::Memory& memory = spec_.memory;
    return memory.pages && !memory.source && !memory.slot && !step_.own.ids.empty() &&
           step_.own.ids.size() == step_.own.rows();
  }

  // Rows of one token that write to the spare page and whose hidden states nobody reads.
  void fill_up(int32_t bucket) {
    const int32_t nothing[] = {0};
    const schedule::PageId spare[] = {static_cast<schedule::PageId>(spec_.pages)};
    while (static_cast<int32_t>(step_.own.rows()) < bucket) {
      step_.own.add_tokens(nothing, 0);
      step_.own.add_keys(1, spare);
    }
  }

  void answer(const schedule::StepPlan& plan, const nn::Hidden& hidden, const nn::Pass& pass) {
    InFlight step;
    step.tasks = step_.tasks;
    step.answers.resize(model_->heads.size());
    lines_.clear();
    for (size_t i = 0; i < step.answers.size(); ++i) {
      const StepTasks::Asked& asked = step_.tasks.heads()[i];
      if (asked.lines == 0) continue;
      const nn::HeadOutput answers = model_->heads[i].head->apply(hidden, pass, asked.tasks);
      for (const auto part : kParts) step.answers[i].*part = to_host(answers.*part);
      if (answers.ids.defined()) keep(plan, asked, answers.ids);
    }
    step.there.record(stream_.stream());
    in_flight_.push_back(std::move(step));
  }

  // Not by copy_(): pinned memory that torch has copied to asks its stream when it is freed, which
  // throws, in a destructor, once the device is lost. `there` says when it may be read.
  at::Tensor to_host(const at::Tensor& answers) const {
    if (!answers.defined()) return {};
    at::Tensor there =
        at::empty(answers.sizes(), answers.options().device(at::kCPU).pinned_memory(true));
    C10_CUDA_CHECK(cudaMemcpyAsync(there.mutable_data_ptr(), answers.const_data_ptr(),
                                   answers.nbytes(), cudaMemcpyDeviceToHost, stream_.stream()));
    return there;
  }

  // Which line of `sampled` is whose: the next step may want it before the host has seen it.
  void keep(const schedule::StepPlan& plan, const StepTasks::Asked& asked,
            const at::Tensor& sampled) {
    sampled_ = sampled;
    int32_t line = 0;
    for (const nn::RowTask& task : asked.tasks) {
      line += static_cast<int32_t>(task.scored.size());
      if (task.wants_output) lines_[plan.rows[task.row].id] = line++;
    }
  }

  // After some errors every further call fails, and only a new process helps: those are told apart.
  Error error(const char* what, const std::exception& failure) {
    Error result{.code = Code::internal, .message = std::string(what) + ": " + failure.what()};
    cudaGetLastError();
    const cudaError_t status = cudaStreamQuery(stream_.stream());
    cudaGetLastError();  // "not ready" is no error that a later call should find
    if (status != cudaSuccess && status != cudaErrorNotReady) {
      result.message =
          std::string("device lost: ") + cudaGetErrorName(status) + "; " + result.message;
      lost_ = result;
    }
    return result;
  }

  schedule::ModelSpec spec_;
  std::shared_ptr<const nn::Model> model_;
  ModelState state_;
  Device& device_;
  c10::cuda::CUDAStream stream_ = c10::cuda::getCurrentCUDAStream();
  int32_t max_rows_;
  DeviceInputs inputs_;
  StepInputs step_;
  schedule::StepPlan used_;
  TrunkGraphs graphs_;
  at::Tensor sampled_;  // (outputs of the last step) int32
  std::unordered_map<schedule::SequenceId, int32_t> lines_;
  std::deque<InFlight> in_flight_;
  std::optional<Error> lost_;
};

}  // namespace

std::unique_ptr<schedule::Runner> make_cuda_runner(schedule::ModelSpec spec,
                                                   std::shared_ptr<const nn::Model> model,
                                                   ModelState state, StepLimits limits,
                                                   Device& device) {
  return std::make_unique<CudaRunner>(std::move(spec), std::move(model), std::move(state), limits,
                                      device);
}

}  // namespace weir::engine
