#include "timed_backend.h"

#include <algorithm>
#include <cstdio>

namespace weir::bench {
namespace {

using Clock = std::chrono::steady_clock;
using kernels::Attention;
using kernels::ConstRows;
using kernels::PagedKv;
using kernels::Ragged;
using kernels::Rows;

/// Adds the time of its life.
class Stopwatch {
 public:
  Stopwatch(Times& times, std::string name)
      : times_(times), name_(std::move(name)), begin_(Clock::now()) {}
  ~Stopwatch() { times_.add(name_, Clock::now() - begin_); }
  Stopwatch(const Stopwatch&) = delete;

 private:
  Times& times_;
  const std::string name_;
  const Clock::time_point begin_;
};

class TimedOps final : public kernels::Ops {
 public:
  TimedOps(Ops& ops, Times& times) : ops_(ops), times_(times) {}

  void begin_step(std::span<const kernels::PagedUse> uses) override { ops_.begin_step(uses); }
  void embed(Rows out, ConstRows table, const int32_t* ids, bool add) override {
    Stopwatch watch(times_, "embed");
    ops_.embed(out, table, ids, add);
  }
  void gather(Rows out, ConstRows x, std::span<const int32_t> indices) override {
    Stopwatch watch(times_, "gather");
    ops_.gather(out, x, indices);
  }
  void rms_norm(Rows out, ConstRows x, const void* weight, float eps) override {
    Stopwatch watch(times_, "rms_norm");
    ops_.rms_norm(out, x, weight, eps);
  }
  void rms_norm_heads(Rows x, const void* weight, int32_t head_dim, float eps) override {
    Stopwatch watch(times_, "rms_norm_heads");
    ops_.rms_norm_heads(x, weight, head_dim, eps);
  }
  void add_rms_norm(Rows out, Rows residual, ConstRows x, const void* weight, float eps) override {
    Stopwatch watch(times_, "add_rms_norm");
    ops_.add_rms_norm(out, residual, x, weight, eps);
  }
  void layer_norm(Rows out, ConstRows x, ConstRows residual, const void* weight, const void* bias,
                  float eps) override {
    Stopwatch watch(times_, "layer_norm");
    ops_.layer_norm(out, x, residual, weight, bias, eps);
  }
  void rope(Rows qk, const int32_t* positions, const float* cos_sin, int32_t head_dim) override {
    Stopwatch watch(times_, "rope");
    ops_.rope(qk, positions, cos_sin, head_dim);
  }
  void copy_pages(PagedKv cache, std::span<const int32_t> from_to) override {
    Stopwatch watch(times_, "copy_pages");
    ops_.copy_pages(cache, from_to);
  }
  void expect_pages(PagedKv cache, const Ragged& ragged) override {
    ops_.expect_pages(cache, ragged);
  }
  void write_pages(ConstRows k, ConstRows v, PagedKv cache, const Ragged& ragged) override {
    Stopwatch watch(times_, "write_pages");
    ops_.write_pages(k, v, cache, ragged);
  }
  void paged_attention(Rows out, ConstRows q, const kernels::NewKeys& keys, PagedKv cache,
                       const Ragged& ragged, const Attention& attention) override {
    Stopwatch watch(times_, "paged_attention");
    ops_.paged_attention(out, q, keys, cache, ragged, attention);
  }
  void ragged_attention(Rows out, ConstRows q, ConstRows k, ConstRows v, const Ragged& ragged,
                        int32_t head_dim, const Attention& attention) override {
    Stopwatch watch(times_, "ragged_attention");
    ops_.ragged_attention(out, q, k, v, ragged, head_dim, attention);
  }
  void gate(Rows out, ConstRows gate_up, kernels::Act act) override {
    Stopwatch watch(times_, "gate");
    ops_.gate(out, gate_up, act);
  }
  void activate(Rows x, kernels::Act act) override {
    Stopwatch watch(times_, "activate");
    ops_.activate(x, act);
  }
  void gru(Rows state_out, ConstRows gates_x, ConstRows gates_h, ConstRows state_in) override {
    Stopwatch watch(times_, "gru");
    ops_.gru(state_out, gates_x, gates_h, state_in);
  }
  void pool(Rows out, ConstRows hidden, const Ragged& ragged,
            const kernels::PoolRule& rule) override {
    Stopwatch watch(times_, "pool");
    ops_.pool(out, hidden, ragged, rule);
  }
  void mix(Rows out, ConstRows x, std::span<const float> weights) override {
    Stopwatch watch(times_, "mix");
    ops_.mix(out, x, weights);
  }
  void lstm(Rows out, ConstRows gates, std::span<const int32_t> begins,
            const kernels::Lstm& lstm) override {
    Stopwatch watch(times_, "lstm");
    ops_.lstm(out, gates, begins, lstm);
  }
  void sample(const kernels::SampleOut& out, Rows logits,
              std::span<const kernels::SampleRow> params) override {
    Stopwatch watch(times_, "sample");
    ops_.sample(out, logits, params);
  }

 private:
  Ops& ops_;
  Times& times_;
};

class TimedLinear final : public nn::Linear {
 public:
  TimedLinear(std::unique_ptr<nn::Linear> linear, Times& times)
      : linear_(std::move(linear)),
        times_(times),
        name_("product " + std::to_string(linear_->in_features()) + " to " +
              std::to_string(linear_->out_features())) {}

  at::Tensor forward(const at::Tensor& x, const nn::Pass& pass,
                     nn::Activation activation) const override {
    Stopwatch watch(times_, name_);
    return linear_->forward(x, pass, activation);
  }
  void add_to(at::Tensor& out, const at::Tensor& x, const nn::Pass& pass) const override {
    Stopwatch watch(times_, name_);
    linear_->add_to(out, x, pass);
  }
  at::Tensor logits(const at::Tensor& x, const nn::Pass& pass) const override {
    Stopwatch watch(times_, name_);
    return linear_->logits(x, pass);
  }
  int64_t out_features() const override { return linear_->out_features(); }
  int64_t in_features() const override { return linear_->in_features(); }

 private:
  const std::unique_ptr<nn::Linear> linear_;
  Times& times_;
  const std::string name_;
};

class TimedBackend final : public nn::Backend {
 public:
  TimedBackend(nn::Backend& backend, Times& times)
      : backend_(backend), times_(times), ops_(backend.ops(), times) {}
  at::Device device() const override { return backend_.device(); }
  kernels::Ops& ops() override { return ops_; }
  std::unique_ptr<nn::Linear> linear(const nn::LinearSource& source, at::ScalarType type) override {
    return std::make_unique<TimedLinear>(backend_.linear(source, type), times_);
  }

 private:
  nn::Backend& backend_;
  Times& times_;
  TimedOps ops_;
};

}  // namespace

void Times::add(const std::string& name, std::chrono::nanoseconds time) {
  auto found = std::find_if(entries_.begin(), entries_.end(),
                            [&](const Entry& entry) { return entry.name == name; });
  if (found == entries_.end()) found = entries_.insert(found, Entry{.name = name});
  found->time += time;
  ++found->calls;
}

void Times::print(int steps) const {
  double all = 0;
  for (const Entry& entry : entries_) {
    const double micros = std::chrono::duration<double, std::micro>(entry.time).count() / steps;
    all += micros;
    std::printf("  %-28s %9.1f us a step, %6.2f us a call\n", entry.name.c_str(), micros,
                micros * steps / entry.calls);
  }
  if (!entries_.empty()) std::printf("  %-28s %9.1f us a step\n", "together", all);
}

std::unique_ptr<nn::Backend> timed(nn::Backend& backend, Times& times) {
  return std::make_unique<TimedBackend>(backend, times);
}

}  // namespace weir::bench
