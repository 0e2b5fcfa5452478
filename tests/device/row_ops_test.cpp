#include "device/device.h"

namespace weir::kernels::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Cuda, DeviceOps, ::testing::Values(DType::float32, DType::bfloat16),
                         type_name);

constexpr int64_t kWidths[] = {1, 7, 36, 576, 1029};

TEST_P(DeviceOps, EmbedAndGather) {
  for (int64_t width : kWidths) {
    SCOPED_TRACE(::testing::Message() << "width " << width);
    Matrix table = random(50, width, 3), cpu(type(), 40, width, 5), cuda = cpu;
    std::vector<int32_t> ids;
    for (int i = 0; i < 40; ++i) ids.push_back(static_cast<int32_t>(random_() % 50));
    There table_there(table), cuda_there(cuda), ids_there(ids);
    for (bool add : {false, true}) {
      cpu_->embed(cpu.rows(), table.rows(), ids.data(), add);
      cuda_->embed(cuda_there.rows(), table_there.rows(), ids_there.as<int32_t>(), add);
    }
    cuda_there.back();
    expect_same(cuda, cpu, "embed");

    Matrix wide_cpu(DType::float32, 40, width, 1), wide_cuda = wide_cpu;
    There wide_there(wide_cuda);
    cpu_->gather(wide_cpu.rows(), table.rows(), ids);
    cuda_->gather(wide_there.rows(), table_there.rows(), ids);
    wide_there.back();
    expect_same(wide_cuda, wide_cpu, "gather", 0);
  }
}

TEST_P(DeviceOps, RmsNorms) {
  for (int64_t width : kWidths) {
    SCOPED_TRACE(::testing::Message() << "width " << width);
    Matrix x = random(9, width, 2), weight = random(1, width), cpu(type(), 9, width, 3), cuda = cpu;
    Matrix residual_cpu = random(9, width, 1), residual_cuda = residual_cpu;
    There x_there(x), weight_there(weight), cuda_there(cuda), residual_there(residual_cuda);
    cpu_->rms_norm(cpu.rows(), x.rows(), weight.data(), 1e-5f);
    cuda_->rms_norm(cuda_there.rows(), x_there.rows(), weight_there.as<void>(), 1e-5f);
    cuda_there.back();
    expect_same(cuda, cpu, "rms_norm");
    cpu_->add_rms_norm(cpu.rows(), residual_cpu.rows(), x.rows(), weight.data(), 1e-5f);
    cuda_->add_rms_norm(cuda_there.rows(), residual_there.rows(), x_there.rows(),
                        weight_there.as<void>(), 1e-5f);
    cuda_there.back();
    residual_there.back();
    expect_same(residual_cuda, residual_cpu, "residual", 0);
    expect_same(cuda, cpu, "add_rms_norm");
  }
}

TEST_P(DeviceOps, RmsNormOfHeads) {
  for (int32_t head_dim : {2, 36, 64, 128}) {
    SCOPED_TRACE(::testing::Message() << "heads of " << head_dim);
    Matrix cpu = random(11, 12 * head_dim, head_dim), cuda = cpu, weight = random(1, 12 * head_dim);
    There cuda_there(cuda), weight_there(weight);
    cpu_->rms_norm_heads(cpu.rows(), weight.data(), head_dim, 1e-6f);
    cuda_->rms_norm_heads(cuda_there.rows(), weight_there.as<void>(), head_dim, 1e-6f);
    cuda_there.back();
    expect_same(cuda, cpu, "rms_norm_heads");
  }
}

TEST_P(DeviceOps, LayerNorm) {
  for (int64_t width : kWidths) {
    SCOPED_TRACE(::testing::Message() << "width " << width);
    Matrix x = random(9, width, 2), residual = random(9, width, 4), weight = random(1, width),
           bias = random(1, width);
    Matrix cpu(type(), 9, width, 3), cuda = cpu;
    There x_there(x), residual_there(residual), weight_there(weight), bias_there(bias),
        cuda_there(cuda);
    for (bool with : {false, true}) {
      cpu_->layer_norm(cpu.rows(), x.rows(), with ? residual.rows() : Rows{}, weight.data(),
                       bias.data(), 1e-12f);
      cuda_->layer_norm(cuda_there.rows(), x_there.rows(), with ? residual_there.rows() : Rows{},
                        weight_there.as<void>(), bias_there.as<void>(), 1e-12f);
      cuda_there.back();
      expect_same(cuda, cpu, with ? "layer_norm with residual" : "layer_norm");
    }
  }
}

TEST_P(DeviceOps, Rope) {
  for (int32_t head_dim : {2, 8, 64, 80}) {
    SCOPED_TRACE(::testing::Message() << "heads of " << head_dim);
    Matrix cpu = random(11, 3 * head_dim, head_dim), cuda = cpu;
    Matrix table = Matrix(DType::float32, 40, head_dim).fill(random_);
    std::vector<int32_t> positions;
    for (int i = 0; i < 11; ++i) positions.push_back((i * 7) % 40);
    There cuda_there(cuda), table_there(table), positions_there(positions);
    cpu_->rope(cpu.rows(), positions.data(), static_cast<float*>(table.data()), head_dim);
    cuda_->rope(cuda_there.rows(), positions_there.as<int32_t>(), table_there.as<float>(),
                head_dim);
    cuda_there.back();
    expect_same(cuda, cpu, "rope", 2);
  }
}

TEST_P(DeviceOps, Activations) {
  for (int64_t width : kWidths) {
    SCOPED_TRACE(::testing::Message() << "width " << width);
    for (Act act : kActs) {
      Matrix gate_up = random(6, 2 * width, 3), cpu(type(), 6, width, 1), cuda = cpu;
      There gate_up_there(gate_up), cuda_there(cuda);
      if (is_gate(act)) {
        cpu_->gate(cpu.rows(), gate_up.rows(), act);
        cuda_->gate(cuda_there.rows(), gate_up_there.rows(), act);
        cuda_there.back();
        expect_same(cuda, cpu, "gate");
      }
      Matrix x_cpu = random(6, width, 2), x_cuda = x_cpu;
      There x_there(x_cuda);
      cpu_->activate(x_cpu.rows(), act);
      cuda_->activate(x_there.rows(), act);
      x_there.back();
      expect_same(x_cuda, x_cpu, "activate");
    }
  }
}

TEST_P(DeviceOps, Gru) {
  for (int64_t width : {5, 300}) {
    std::mt19937 random(7);
    Matrix x = Matrix(DType::float32, 9, 3 * width, 2).fill(random),
           h = Matrix(DType::float32, 9, 3 * width, 1).fill(random),
           state = Matrix(DType::float32, 9, width, 3).fill(random),
           cpu(DType::float32, 9, width, 1), cuda = cpu;
    There x_there(x), h_there(h), state_there(state), cuda_there(cuda);
    cpu_->gru(cpu.rows(), x.rows(), h.rows(), state.rows());
    cuda_->gru(cuda_there.rows(), x_there.rows(), h_there.rows(), state_there.rows());
    cuda_there.back();
    expect_same(cuda, cpu, "gru");
  }
}

TEST_P(DeviceOps, Pool) {
  Matrix hidden = random(30, 65, 2);
  std::vector<int32_t> begin = {0, 1, 12, 30};
  There hidden_there(hidden), begin_there(begin);
  Ragged ragged{.rows = 3, .tokens = 30, .q_begin = begin.data(), .q_begin_host = begin.data()},
      there = ragged;
  there.q_begin = begin_there.as<int32_t>();
  for (Pooling pooling : {Pooling::mean, Pooling::cls, Pooling::last, Pooling::max,
                          Pooling::weighted, Pooling::sqrt_length})
    for (bool normalize : {false, true}) {
      Matrix cpu(DType::float32, 3, 65, 1), cuda = cpu;
      There cuda_there(cuda);
      cpu_->pool(cpu.rows(), hidden.rows(), ragged, {pooling, normalize});
      cuda_->pool(cuda_there.rows(), hidden_there.rows(), there, {pooling, normalize});
      cuda_there.back();
      expect_same(cuda, cpu, "pool");
    }
}

TEST(PutSampled, FillsWhatTheStepBeforeGave) {
  if (no_device()) GTEST_SKIP() << kSkipped;
  std::vector<int32_t> ids = {5, -1, 7, -1, -1}, sampled = {40, 41, -1}, tokens = {1, 3, 4},
                       lines = {1, 0, 2};
  There ids_there(ids), sampled_there(sampled), tokens_there(tokens), lines_there(lines);
  put_sampled(ids_there.as<int32_t>(), sampled_there.as<int32_t>(),
              {tokens_there.as<int32_t>(), lines_there.as<int32_t>(), 3}, nullptr);
  ids_there.back();
  EXPECT_EQ(ids, (std::vector<int32_t>{5, 41, 7, 40, 0}));
}

}  // namespace
}  // namespace weir::kernels::testing
