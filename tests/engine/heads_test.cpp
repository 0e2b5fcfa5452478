// Several heads over one trunk: what a step calls, and that each answers as it does alone.
#include "weir/nn/heads.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>
#include <gmock/gmock.h>

#include "engine/cpu_runner.h"
#include "engine/golden.h"
#include "fakes/seeded_weights.h"
#include "nn/heads/read_tokens.h"

namespace weir::engine::test {
namespace {

using folder::HeadTask;
using Tokens = std::vector<uint32_t>;

/// What the calls of a trunk asked of it.
struct Call {
  int32_t rows = 0, tokens = 0;
  int64_t last = 0, inner = 0;  // tokens whose states are read
  bool types = false;
};

class CountingTrunk final : public nn::Trunk {
 public:
  CountingTrunk(std::unique_ptr<nn::Trunk> trunk, std::vector<Call>& calls)
      : trunk_(std::move(trunk)), calls_(calls) {}
  nn::Hidden forward(const nn::Pass& pass) const override {
    const nn::Inputs& inputs = pass.inputs;
    calls_.push_back({.rows = inputs.ragged.rows,
                      .tokens = inputs.ragged.tokens,
                      .last = inputs.hidden_rows(),
                      .inner = static_cast<int64_t>(inputs.inner.size()),
                      .types = inputs.types != nullptr});
    return trunk_->forward(pass);
  }
  bool gives_layers() const override { return trunk_->gives_layers(); }

 private:
  std::unique_ptr<nn::Trunk> trunk_;
  std::vector<Call>& calls_;
};

/// The sum of each layer's state of each token that is asked for.
class LayerSums final : public nn::Head {
 public:
  nn::HeadOutput apply(const nn::Hidden& hidden, const nn::Pass& pass,
                       std::span<const nn::RowTask> tasks) const override {
    std::vector<at::Tensor> lines;
    const auto inner = pass.inputs.inner;
    for (const int32_t token : nn::named_tokens(pass.inputs, tasks)) {
      const auto place = std::ranges::find(inner, token) - inner.begin();
      lines.push_back(at::sum(hidden.layers.select(1, place).to(at::kFloat), 1));
    }
    return {.numbers = at::stack(lines)};
  }
  std::optional<std::vector<int32_t>> reads(const nn::Inputs& inputs,
                                            std::span<const nn::RowTask> tasks) const override {
    return nn::named_tokens(inputs, tasks);
  }
  bool reads_layers() const override { return true; }
};

constexpr uint32_t kEmbed = 0, kClassify = 1, kTag = 2, kLayers = 3;

class Heads : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  Heads() {
    const auto config_of = [](const char* architecture) {
      return nn::ConfigFile("config.json", {{"architectures", {architecture}},
                                            {"num_hidden_layers", 3},
                                            {"hidden_size", 45},
                                            {"intermediate_size", 64},
                                            {"num_attention_heads", 3},
                                            {"vocab_size", 101},
                                            {"id2label", {{"0", "a"}, {"1", "b"}, {"2", "c"}}},
                                            {"max_position_embeddings", 64}});
    };
    const std::string folder = "nowhere";
    const auto classify = config_of("BertForSequenceClassification"),
               tag = config_of("BertForTokenClassification");
    nn::Model model = architecture().build(
        nn::Builder({folder, classify, weights_, cpu().backend(), GetParam(), 0}));
    nn::add_checkpoint_heads(
        model, nn::Builder({folder, tag, weights_, cpu().backend(), GetParam(), 0}), "bert.");
    model.heads.push_back(
        {{.task = HeadTask::tag, .name = "layers"}, std::make_unique<LayerSums>()});
    model.trunk = std::make_unique<CountingTrunk>(std::move(model.trunk), calls_);
    schedule::ModelSpec spec{
        .prompt = schedule::Prompt::whole, .vocabulary = 101, .max_tokens = 64};
    runner_ = make_cpu_runner(spec, std::move(model), {}, cpu());
  }

  static const nn::Architecture& architecture() {
    return *std::ranges::find(arch::table(), "BertModel", &nn::Architecture::name);
  }

  static std::vector<int32_t> prompt(int32_t length, int32_t seed) {
    std::vector<int32_t> ids;
    for (int32_t i = 0; i < length; ++i) ids.push_back((i * 37 + seed * 13 + 5) % 101);
    return ids;
  }

  static HandRow row(int32_t length, int32_t seed, work::Reads reads) {
    HandRow made{.tokens = prompt(length, seed)};
    made.params = std::move(reads);
    return made;
  }

  std::vector<Call> calls_;
  fakes::SeededWeights weights_;
  std::unique_ptr<schedule::Runner> runner_;
};

const work::Read kEmbedRead{.head = kEmbed}, kClassifyRead{.head = kClassify};
work::Read tag(Tokens tokens) { return {.head = kTag, .tokens = std::move(tokens)}; }
work::Read layers(Tokens tokens) { return {.head = kLayers, .tokens = std::move(tokens)}; }

TEST_P(Heads, RowsOfThreeHeadsCallTheTrunkOnce) {
  run(*runner_, {row(9, 1, {kEmbedRead}), row(5, 2, {kClassifyRead}), row(7, 3, {tag({1, 4})})});
  ASSERT_EQ(calls_.size(), 1U);
  EXPECT_EQ(calls_[0].rows, 3);
  EXPECT_EQ(calls_[0].tokens, 21);
  EXPECT_EQ(calls_[0].last, 21) << "an embedding reads all";
}

TEST_P(Heads, ThreeHeadsOfOneRowAreOneRowOfTheTrunk) {
  const auto outputs =
      run(*runner_, {row(9, 1, {tag({0, 3, 8}), kEmbedRead, kClassifyRead, layers({2})})});
  ASSERT_EQ(calls_.size(), 1U);
  EXPECT_EQ(calls_[0].rows, 1);
  EXPECT_EQ(calls_[0].tokens, 9);
  const auto& heads = std::get<work::Readings>(outputs.at(0)).heads;
  ASSERT_EQ(heads.size(), 4U);
  EXPECT_EQ(heads[0].columns, 3U);
  EXPECT_EQ(heads[0].lines(), 3U);
  EXPECT_EQ(heads[1].columns, 45U);
  EXPECT_EQ(heads[1].lines(), 1U);
  EXPECT_EQ(heads[2].columns, 3U);
  EXPECT_EQ(heads[3].columns, 4U) << "what goes into the first layer, and what three give";
}

TEST_P(Heads, OnlyWhatIsReadIsComputedToTheEnd) {
  run(*runner_, {row(9, 1, {kClassifyRead}), row(5, 2, {kClassifyRead}), row(7, 3, {tag({1, 4})})});
  run(*runner_, {row(9, 1, {kClassifyRead, tag({0, 2})})});
  run(*runner_, {row(9, 1, {layers({3, 5})}), row(4, 2, {kClassifyRead})});
  run(*runner_, {row(9, 1, {tag({})})});
  ASSERT_EQ(calls_.size(), 4U);
  EXPECT_EQ(calls_[0].last, 4);
  EXPECT_EQ(calls_[0].inner, 0) << "nothing is kept of inner layers where no row reads them";
  EXPECT_EQ(calls_[1].last, 2) << "the first token is read by both";
  EXPECT_EQ(calls_[2].last, 1);
  EXPECT_EQ(calls_[2].inner, 2);
  EXPECT_EQ(calls_[3].last, 0);
}

TEST_P(Heads, ATokenlessReadHasNoLines) {
  const auto outputs = run(*runner_, {row(9, 1, {tag({}), kClassifyRead}), row(3, 2, {tag({})})});
  EXPECT_EQ(std::get<work::Readings>(outputs.at(0)).heads.at(0).lines(), 0U);
  EXPECT_EQ(std::get<work::Readings>(outputs.at(0)).heads.at(1).lines(), 1U);
  EXPECT_EQ(std::get<work::Readings>(outputs.at(1)).heads.at(0).lines(), 0U);
}

/// Every head of every row alone, and all of it in one step.
TEST_P(Heads, EachAnswersAsAloneToTheBit) {
  std::vector<HandRow> together;
  for (int32_t i = 0; i < 12; ++i) {
    const auto length = 1 + 5 * i;
    const auto end = static_cast<uint32_t>(length - 1);
    Tokens some{end / 2};
    if (end > end / 2) some.push_back(end);
    const std::vector<work::Reads> kinds = {{kEmbedRead},
                                            {kClassifyRead},
                                            {tag(some)},
                                            {layers({end})},
                                            {layers(some), kEmbedRead},
                                            {tag({end}), kClassifyRead, layers({0})},
                                            {kClassifyRead, kEmbedRead, tag({0}), layers(some)}};
    together.push_back(row(length, i, kinds[static_cast<size_t>(i) % kinds.size()]));
    if (i % 3 == 1) together.back().types.assign(static_cast<size_t>(length), 1);
  }
  const auto outputs = run(*runner_, together);
  ASSERT_EQ(calls_.size(), 1U);
  ASSERT_EQ(outputs.size(), together.size());
  for (size_t i = 0; i < together.size(); ++i) {
    const auto& reads = std::get<work::Reads>(together[i].params);
    const auto& heads = std::get<work::Readings>(outputs[i]).heads;
    ASSERT_EQ(heads.size(), reads.size());
    for (size_t k = 0; k < reads.size(); ++k) {
      HandRow alone = together[i];
      alone.params = work::Reads{reads[k]};
      const auto single = std::get<work::Readings>(run(*runner_, {alone}).at(0)).heads.at(0);
      EXPECT_EQ(single.columns, heads[k].columns);
      EXPECT_EQ(single.values, heads[k].values) << "row " << i << ", head " << reads[k].head;
    }
  }
}

TEST_P(Heads, TypesAreAddedOnlyInStepsThatHaveThem) {
  HandRow pair = row(6, 1, {kEmbedRead});
  const auto plain = vector_of(run(*runner_, {pair}).at(0));
  pair.types = {0, 0, 0, 0, 0, 0};
  EXPECT_EQ(vector_of(run(*runner_, {pair}).at(0)), plain);
  pair.types = {0, 0, 0, 1, 1, 1};
  EXPECT_NE(vector_of(run(*runner_, {pair}).at(0)), plain);
  ASSERT_EQ(calls_.size(), 3U);
  EXPECT_FALSE(calls_[0].types);
  EXPECT_TRUE(calls_[2].types);
}

INSTANTIATE_TEST_SUITE_P(Types, Heads, ::testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& tested) {
                           return std::string(at::toString(tested.param));
                         });

}  // namespace
}  // namespace weir::engine::test
