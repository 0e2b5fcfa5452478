// GRU layers against torch's own, and what a slot keeps between steps.
#include "weir/nn/gru.h"

#include <ATen/ops/gru.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <vector>

#include "fakes/seeded_weights.h"
#include "weir/kernels/thread_pool.h"

namespace weir::nn {
namespace {

using at::Tensor;

constexpr int64_t kColumns = 6, kWidth = 5;

/// Tokens [first, first + count) of a sequence whose slot is `slot`.
struct Piece {
  int32_t slot, first, count;
};

class GruTest : public ::testing::Test {
 protected:
  /// The layer's answer to a step of these pieces, in order; x: all their tokens.
  Tensor run(const std::vector<Piece>& pieces, const Tensor& x) {
    std::vector<int32_t> q_begin{0}, kv_length, slots;
    for (const Piece& piece : pieces) {
      q_begin.push_back(q_begin.back() + piece.count);
      kv_length.push_back(piece.first + piece.count);
      slots.push_back(piece.slot);
    }
    Inputs inputs{.slots = slots};
    inputs.ragged.rows = static_cast<int32_t>(pieces.size());
    inputs.ragged.tokens = q_begin.back();
    inputs.ragged.q_begin = inputs.ragged.q_begin_host = q_begin.data();
    inputs.ragged.kv_length = inputs.ragged.kv_length_host = kv_length.data();
    return gru_.forward(x, {inputs, state_, *backend_});
  }

  Tensor reference(const Tensor& x) const {  // (tokens, columns) of one sequence
    const auto get = [&](const char* name) { return weights_[name].to(at::kFloat); };
    const std::vector<Tensor> params{get("weight_ih_l0"), get("weight_hh_l0"), get("bias_ih_l0"),
                                     get("bias_hh_l0")};
    return std::get<0>(at::gru(x.unsqueeze(1), at::zeros({1, 1, kWidth}), params, true, 1, 0.0,
                               false, false, false))
        .squeeze(1);
  }

  kernels::ThreadPool pool_{2};
  std::unique_ptr<Backend> backend_ = make_cpu_backend(pool_);
  std::string folder_ = "nowhere";
  ConfigFile config_{"config.json", nlohmann::json::object()};
  fakes::SeededWeights weights_;
  Gru gru_{Builder({folder_, config_, weights_, *backend_, at::kFloat, 0}),
           0,
           {.columns = kColumns, .width = kWidth}};
  State state_{.layers = {}, .slots = at::randn({4, kWidth})};
};

TEST_F(GruTest, StatesAreTorchs) {
  const Tensor x = at::randn({7, kColumns});
  EXPECT_LT(run({{2, 0, 7}}, x).sub(reference(x)).abs().max().item<float>(), 1e-6);
}

TEST_F(GruTest, RowsBesideEachOtherHaveTheBitsOfEachAlone) {
  const Tensor x = at::randn({12, kColumns});
  const Tensor together = run({{0, 0, 3}, {1, 0, 7}, {3, 0, 1}, {2, 0, 1}}, x);
  EXPECT_TRUE(together.narrow(0, 0, 3).equal(run({{0, 0, 3}}, x.narrow(0, 0, 3))));
  EXPECT_TRUE(together.narrow(0, 3, 7).equal(run({{0, 0, 7}}, x.narrow(0, 3, 7))));
  EXPECT_TRUE(together.narrow(0, 11, 1).equal(run({{0, 0, 1}}, x.narrow(0, 11, 1))));
}

TEST_F(GruTest, APromptInPiecesHasTheBitsOfTheWhole) {
  const Tensor x = at::randn({9, kColumns});
  const Tensor whole = run({{0, 0, 9}}, x);
  const Tensor other = at::randn({4, kColumns});
  EXPECT_TRUE(run({{1, 0, 4}}, x.narrow(0, 0, 4)).equal(whole.narrow(0, 0, 4)));
  run({{2, 0, 4}}, other);
  EXPECT_TRUE(run({{1, 4, 1}}, x.narrow(0, 4, 1)).equal(whole.narrow(0, 4, 1)));
  EXPECT_TRUE(run({{1, 5, 4}}, x.narrow(0, 5, 4)).equal(whole.narrow(0, 5, 4)));
}

TEST_F(GruTest, TheFirstTokenOfASequenceClearsItsSlot) {
  const Tensor x = at::randn({3, kColumns});
  const Tensor once = run({{1, 0, 3}}, x);
  EXPECT_TRUE(run({{1, 0, 3}}, x).equal(once));
}

}  // namespace
}  // namespace weir::nn
