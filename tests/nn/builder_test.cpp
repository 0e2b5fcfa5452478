// Layers that a Builder makes compute what their tensors say, however a checkpoint has them.
#include "weir/nn/builder.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <gtest/gtest.h>

#include "fakes/seeded_weights.h"
#include "weir/kernels/thread_pool.h"
#include "weir/nn/mlp.h"
#include "weir/nn/pass.h"

namespace weir::nn {
namespace {

using at::Tensor;

class BuilderTest : public ::testing::Test {
 protected:
  Builder builder() { return Builder({folder_, config_, weights_, *backend_, at::kFloat, 0}); }
  Pass pass() const { return {inputs_, state_, *backend_}; }
  /// As the checkpoint has it, float32.
  Tensor weight(const std::string& name) const { return weights_[name].to(at::kFloat); }
  Tensor plain(const Tensor& x, const std::string& name) const {
    return at::linear(x, weight(name + ".weight"), weight(name + ".bias"));
  }
  static void expect_near(const Tensor& got, const Tensor& wanted) {
    ASSERT_EQ(got.sizes(), wanted.sizes());
    EXPECT_LT(got.sub(wanted).abs().max().item<float>(), 1e-5);
  }

  kernels::ThreadPool pool_{1};
  std::unique_ptr<Backend> backend_ = make_cpu_backend(pool_);
  std::string folder_ = "nowhere";
  ConfigFile config_{"config.json", nlohmann::json::object()};
  fakes::SeededWeights weights_;
  Inputs inputs_;
  State state_;
  Tensor x_ = at::randn({5, 12});
};

TEST_F(BuilderTest, PartsAreStackedWithTheirBiases) {
  const Builder layer = builder().under("model.").layer("layers", 3);
  const auto linear = layer.linear({{"q", 8}, {"k", 4}}, {.in = 12, .bias = true});
  const std::string at = "model.layers.3.";
  expect_near(linear->forward(x_, pass()), at::cat({plain(x_, at + "q"), plain(x_, at + "k")}, 1));
}

TEST_F(BuilderTest, PartsOfOneTensorHaveTheRowsThatTheyName) {
  const auto linear =
      builder().linear({{"q", 3, {2, 0, 1}}, {"k", 1}}, {.in = 12, .bias = true, .stacked = "qk"});
  const Tensor whole = plain(x_, "qk");  // (5, 4)
  expect_near(linear->forward(x_, pass()),
              at::cat({whole.narrow(1, 2, 1), whole.narrow(1, 0, 2), whole.narrow(1, 3, 1)}, 1));
}

TEST_F(BuilderTest, OneWithoutBiasesAsksForNone) {
  const auto linear = builder().linear({{"q", 8}}, {.in = 12});
  expect_near(linear->forward(x_, pass()), at::linear(x_, weight("q.weight")));
  EXPECT_THROW(weights_["q.bias"], std::out_of_range);
}

TEST_F(BuilderTest, TransposedWeightsLieAsInByOut) {
  const auto linear = builder().linear({{"c", 8}}, {.in = 12, .bias = true, .transposed = true});
  EXPECT_EQ(weight("c.weight").size(0), 12);
  expect_near(linear->forward(x_, pass()),
              at::linear(x_, weight("c.weight").t(), weight("c.bias")));
}

TEST_F(BuilderTest, HeadsAreWidenedWithZeros) {
  const HeadPadding heads{.from = 3, .to = 4};
  const auto out = builder().linear({{"q", 6}}, {.in = 12, .bias = true, .outputs = heads});
  const Tensor wide = out->forward(x_, pass());
  ASSERT_EQ(wide.size(1), 8);
  const Tensor plain_q = plain(x_, "q");
  expect_near(wide.view({5, 2, 4}).narrow(2, 0, 3), plain_q.view({5, 2, 3}));
  EXPECT_EQ(wide.view({5, 2, 4}).select(2, 3).abs().max().item<float>(), 0);

  const auto back = builder().linear({{"o", 7}}, {.in = 6, .inputs = heads});
  expect_near(back->forward(wide, pass()), at::linear(plain_q, weight("o.weight")));
}

TEST_F(BuilderTest, TheFirstPartOfAGatedLayerGatesTheSecond) {
  const auto linear = builder().linear({{"g", 8}, {"u", 8}}, {.in = 12, .gate = Activation::silu});
  expect_near(linear->forward(x_, pass()),
              at::silu(at::linear(x_, weight("g.weight"))).mul(at::linear(x_, weight("u.weight"))));
}

TEST_F(BuilderTest, AddToAddsTheProduct) {
  const auto linear = builder().linear({{"o", 12}}, {.in = 12, .bias = true});
  Tensor sum = x_.clone();
  linear->add_to(sum, x_, pass());
  expect_near(sum, x_.add(plain(x_, "o")));
}

TEST_F(BuilderTest, AnMlpIsItsTwoLayers) {
  const Mlp mlp{.up = builder().linear({{"up", 20}}, {.in = 12, .bias = true}),
                .down = builder().linear({{"down", 12}}, {.in = 20}),
                .activation = Activation::gelu};
  const Tensor wanted = at::linear(at::gelu(plain(x_, "up")), weight("down.weight"));
  expect_near(mlp.forward(x_, pass()), wanted);
  Tensor sum = x_.clone();
  mlp.add_to(sum, x_, pass());
  expect_near(sum, x_.add(wanted));
}

TEST_F(BuilderTest, LayerNormIsTheReferences) {
  const LayerNorm norm = builder().layer_norm("norm", 12, 1e-5);
  expect_near(norm.forward(x_),
              at::layer_norm(x_, {12}, weight("norm.weight"), weight("norm.bias"), 1e-5));
}

}  // namespace
}  // namespace weir::nn
