#include <limits>

#include "device/device.h"

namespace weir::kernels::testing {
namespace {

class DeviceSample : public DeviceOps {
 protected:
  std::vector<int32_t> on_cpu(Matrix logits, const std::vector<SampleRow>& params) {
    std::vector<int32_t> ids(params.size());
    cpu_->sample({.ids = ids.data()}, logits.rows(), params);
    return ids;
  }
  std::vector<int32_t> on_cuda(Matrix logits, const std::vector<SampleRow>& params) {
    std::vector<int32_t> ids(params.size());
    There logits_there(logits), ids_there(ids);
    cuda_->begin_step({});
    cuda_->sample({.ids = ids_there.as<int32_t>()}, logits_there.rows(), params);
    ids_there.back();
    return ids;
  }
};
// Logits are float32 always.
INSTANTIATE_TEST_SUITE_P(Cuda, DeviceSample, ::testing::Values(DType::float32), type_name);

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
  const std::vector<LogitEdit> banned = {{.id = 11, .add = -infinity}, {.id = 3, .add = -infinity}};
  std::vector<SampleRow> params(6);
  params[4].edits = banned;
  params[2].temperature = params[5].temperature = 1;
  EXPECT_EQ(on_cuda(logits, params),
            (std::vector<int32_t>{2999, 90, kLogitsAreBroken, kNothingToDraw, 12, 40}));
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

TEST_P(DeviceSample, EditsAllowedIdsAndLogprobsAreTheCpus) {
  constexpr int32_t kTop = 20;
  const float infinity = std::numeric_limits<float>::infinity();
  for (int64_t vocabulary : {30, 1000, 49152}) {
    Matrix logits = Matrix(type(), 6, vocabulary, 3).fill(random_, 3);
    for (int64_t c = 0; c < vocabulary; ++c)
      if (c % 3 != 0) logits.set(5, c, -infinity);
    const auto last = static_cast<int32_t>(vocabulary - 1);
    const std::vector<LogitEdit> edits = {{.id = last, .add = 9, .repetition = 1.5F},
                                          {.id = 0, .add = -infinity},
                                          {.id = 7, .repetition = 0.5F, .subtract = 2}};
    const std::vector<int32_t> allowed = {0, 3, 4, last};
    const std::vector<SampleRow> rows = {
        {.edits = edits, .logprobs = kTop},
        {.allowed = allowed, .edits = edits, .logprobs = 0},
        {.given = 5, .logprobs = 3},
        {.allowed = allowed},
        {.temperature = 1, .seed = 5, .edits = edits, .logprobs = 1},
        {.given = 1, .logprobs = kTop}};
    std::vector<int32_t> ids[2], ranks[2], top_ids[2];
    std::vector<float> own[2], top[2];
    for (int side = 0; side < 2; ++side) {
      ids[side].resize(6), ranks[side].resize(6), top_ids[side].resize(6 * kTop);
      own[side].resize(6), top[side].resize(6 * kTop);
      Matrix copy = logits;
      if (side == 0) {
        cpu_->sample(
            {ids[0].data(), own[0].data(), ranks[0].data(), top_ids[0].data(), top[0].data(), kTop},
            copy.rows(), rows);
        continue;
      }
      There logits_there(copy), ids_there(ids[1]), ranks_there(ranks[1]), tops_there(top_ids[1]),
          own_there(own[1]), top_there(top[1]);
      cuda_->begin_step({});
      cuda_->sample({ids_there.as<int32_t>(), own_there.as<float>(), ranks_there.as<int32_t>(),
                     tops_there.as<int32_t>(), top_there.as<float>(), kTop},
                    logits_there.rows(), rows);
      for (There* there : {&ids_there, &ranks_there, &tops_there, &own_there, &top_there})
        there->back();
    }
    EXPECT_EQ(ids[0], ids[1]);
    EXPECT_EQ(ranks[0], ranks[1]);
    EXPECT_EQ(top_ids[0], top_ids[1]);
    const auto expect_near = [](const std::vector<float>& a, const std::vector<float>& b) {
      for (size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i]) {
          EXPECT_NEAR(a[i], b[i], 1e-5);
        }
    };
    expect_near(own[0], own[1]);
    expect_near(top[0], top[1]);
  }
}

}  // namespace
}  // namespace weir::kernels::testing
