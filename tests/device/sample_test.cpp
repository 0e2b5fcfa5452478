#include <limits>

#include "device/device.h"

namespace weir::kernels::testing {
namespace {

class DeviceSample : public DeviceOps {
 protected:
  std::vector<int32_t> on_cpu(Matrix logits, const std::vector<SampleRow>& params) {
    std::vector<int32_t> ids(params.size());
    cpu_->sample(ids.data(), logits.rows(), params);
    return ids;
  }
  std::vector<int32_t> on_cuda(Matrix logits, const std::vector<SampleRow>& params) {
    std::vector<int32_t> ids(params.size());
    There logits_there(logits), ids_there(ids);
    cuda_->begin_step({}, {});
    cuda_->sample(ids_there.as<int32_t>(), logits_there.rows(), params);
    ids_there.back();
    return ids;
  }
};
INSTANTIATE_TEST_SUITE_P(Cuda, DeviceSample, ::testing::Values(DType::float32, DType::bfloat16),
                         type_name);

TEST_P(DeviceSample, GreedyTiesBansAndBrokenRows) {
  Matrix logits = random(6, 3000, 5);
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  logits.set(0, 2999, 50);
  logits.set(1, 700, 60), logits.set(1, 90, 60);
  logits.set(2, 5, nan);
  for (int64_t c = 0; c < 3000; ++c) logits.set(3, c, -infinity);
  logits.set(4, 11, 70), logits.set(4, 12, 65);
  logits.set(5, 40, infinity);
  std::vector<int32_t> banned = {11, 3};
  std::vector<SampleRow> params(6);
  params[4].banned = banned;
  params[2].temperature = params[5].temperature = 1;
  EXPECT_EQ(on_cuda(logits, params), (std::vector<int32_t>{2999, 90, -1, -1, 12, 40}));
}

// The draw is at the place of one uniform number in sums of exponentials: the two sides may
// disagree only where rounding moves a border over it.
TEST_P(DeviceSample, DrawsAreTheCpus) {
  const SampleRow kinds[] = {{.temperature = 1},
                             {.temperature = 0.7f, .top_k = 40},
                             {.temperature = 1.3f, .top_p = 0.9f},
                             {.temperature = 1, .min_p = 0.05f},
                             {.temperature = 0.9f, .top_p = 0.8f, .min_p = 0.01f, .top_k = 100},
                             {.temperature = 1, .top_k = 1},
                             {.temperature = 3, .top_p = 0.999f}};
  for (int64_t vocabulary : {5, 1000, 49152}) {
    Matrix logits = Matrix(type(), 64, vocabulary, 3).fill(random_, 3);
    int different = 0, all = 0;
    for (SampleRow kind : kinds) {
      std::vector<SampleRow> params(64, kind);
      for (size_t i = 0; i < 64; ++i) params[i].seed = i * 77 + 1, params[i].draw = i;
      auto cpu = on_cpu(logits, params), cuda = on_cuda(logits, params);
      for (size_t i = 0; i < 64; ++i) ++all, different += cpu[i] != cuda[i];
    }
    EXPECT_LE(different, all / 100) << vocabulary;
  }
}

}  // namespace
}  // namespace weir::kernels::testing
