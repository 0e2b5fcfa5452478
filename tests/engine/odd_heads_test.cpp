// Encoders whose heads have an odd number of columns, against modeling_bert.py written out in ATen.
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <cmath>

#include "engine/run_trunk.h"
#include "engine/tiny_model.h"
#include "fakes/seeded_weights.h"

namespace weir::engine::test {
namespace {

using at::Tensor;

struct Reference {
  const fakes::SeededWeights& weights;
  int64_t heads;

  Tensor linear(const Tensor& x, const std::string& name) const {
    return at::linear(x, weights[name + ".weight"], weights[name + ".bias"]);
  }
  Tensor norm(const Tensor& x, const std::string& name) const {
    return at::layer_norm(x, {x.size(1)}, weights[name + ".weight"], weights[name + ".bias"],
                          1e-12);
  }
  Tensor attention(const Tensor& x, const std::string& self) const {  // (tokens, hidden)
    const auto split = [&](const std::string& name) {  // (heads, tokens, columns of a head)
      return linear(x, self + name).view({x.size(0), heads, -1}).transpose(0, 1);
    };
    const Tensor q = split("query"), k = split("key"), v = split("value");
    const double scale = 1 / std::sqrt(static_cast<double>(q.size(2)));
    const Tensor seen = at::softmax(at::matmul(q, k.transpose(1, 2)).mul_(scale), -1);
    return at::matmul(seen, v).transpose(0, 1).reshape({x.size(0), -1});
  }
  Tensor hidden(const std::vector<int32_t>& ids) const {
    const Tensor words = weights["embeddings.word_embeddings.weight"],
                 positions = weights["embeddings.position_embeddings.weight"],
                 types = weights["embeddings.token_type_embeddings.weight"];
    std::vector<Tensor> rows;
    for (size_t i = 0; i < ids.size(); ++i)
      rows.push_back(words.select(0, ids[i])
                         .add(positions.select(0, static_cast<int64_t>(i)))
                         .add(types.select(0, 0)));
    Tensor x = norm(at::stack(rows), "embeddings.LayerNorm");
    const std::string layer = "encoder.layer.0.";
    const Tensor attended =
        linear(attention(x, layer + "attention.self."), layer + "attention.output.dense");
    x = norm(attended.add(x), layer + "attention.output.LayerNorm");
    const Tensor inner = at::gelu(linear(x, layer + "intermediate.dense"));
    return norm(linear(inner, layer + "output.dense").add(x), layer + "output.LayerNorm");
  }
};

Tensor computed(const nn::Model& model, const std::vector<int32_t>& ids) {
  work::TaskParams params = work::Reads{work::Read{}};
  schedule::StepPlan plan;
  plan.rows.push_back({.tokens = ids, .params = &params});
  StepInputs inputs;
  inputs.fill(plan, 1);
  return run_trunk(model, inputs, {});
}

TEST(OddHeads, OfEncodersAreServedAndEqualTheReference) {
  const std::vector<int32_t> ids{5, 9, 40, 3, 17, 96, 2, 2, 60, 8, 33};
  const nn::Architecture* bert = nullptr;
  for (const auto& each : arch::table())
    if (each.name == "BertModel") bert = &each;
  ASSERT_TRUE(bert);
  for (const int64_t columns : {1, 7, 15, 16, 45, 255}) {
    const nn::ConfigFile config("config.json", {{"architectures", {"BertModel"}},
                                                {"num_hidden_layers", 1},
                                                {"hidden_size", 3 * columns},
                                                {"intermediate_size", 64},
                                                {"num_attention_heads", 3},
                                                {"vocab_size", 101},
                                                {"max_position_embeddings", 64}});
    for (const auto& [type, off] : {std::pair{at::kFloat, 2e-5}, std::pair{at::kBFloat16, 0.1}}) {
      fakes::SeededWeights weights;
      const std::string folder = "nowhere";
      const nn::Model model =
          bert->build(nn::Builder({folder, config, weights, cpu().backend(), type, 0}));
      const Tensor expected = Reference{weights, 3}.hidden(ids);
      const Tensor worst = computed(model, ids).sub(expected).abs().max();
      EXPECT_LT(worst.item<double>(), off) << columns << " columns";
    }
  }
}

}  // namespace
}  // namespace weir::engine::test
