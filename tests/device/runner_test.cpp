// Models through the CUDA runner, one step ahead, against the references of tests/golden.
#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "device/device.h"
#include "engine/golden.h"

namespace weir::engine::test {
namespace {

using kernels::testing::kSkipped;
using kernels::testing::no_device;

// Left to the process: when statics die, CUDA is gone already.
Device& gpu() {
  static Device& device = *[] {
    auto opened = Device::open({.kind = DeviceKind::cuda});
    if (!opened) std::abort();
    (*opened)->enter();
    return (*opened).release();
  }();
  return device;
}

std::unique_ptr<schedule::Runner> on_gpu(const LoadOptions& options) {
  Progress progress;
  auto loaded = load(options, arch::table(), gpu(), progress);
  if (!loaded) {
    ADD_FAILURE() << loaded.error().message;
    return nullptr;
  }
  return std::move(loaded->runner);
}

int32_t token(const work::Output& output) {
  const auto* value = std::get_if<work::Token>(&output);
  EXPECT_NE(value, nullptr) << std::get<Error>(output).message;
  return value ? value->id : -2;
}

/// Greedy text of all prompts together: a step is launched while the one before is in flight, so
/// all tokens after a prompt stay on the device. With `forced`, those tokens are given instead.
class Batch {
 public:
  Batch(schedule::Runner& runner, std::vector<std::vector<int32_t>> prompts, uint32_t pages_each)
      : runner_(runner), prompts_(std::move(prompts)), texts_(prompts_.size()) {
    for (size_t i = 0; i < prompts_.size(); ++i) {
      pages_.emplace_back();
      for (uint32_t k = 0; k < pages_each; ++k)
        pages_[i].push_back(static_cast<int>(i * pages_each + k));
    }
  }

  std::vector<std::vector<int32_t>> texts(uint32_t count,
                                          const std::vector<std::vector<int32_t>>& forced = {}) {
    for (uint32_t step = 0; step < count; ++step) {
      auto launched = runner_.launch(plan(step, forced));
      if (!launched) ADD_FAILURE() << launched.error().message;
      if (step > 0) collect();
    }
    collect();
    return texts_;
  }

 private:
  schedule::StepPlan plan(uint32_t step, const std::vector<std::vector<int32_t>>& forced) {
    schedule::StepPlan plan;
    for (size_t i = 0; i < prompts_.size(); ++i) {
      schedule::Row row;
      row.id = 100 + i;
      row.first = step ? static_cast<uint32_t>(prompts_[i].size()) + step - 1 : 0;
      if (step == 0) row.tokens = prompts_[i];
      if (step > 0 && !forced.empty()) row.tokens = std::span(forced[i]).subspan(step - 1, 1);
      row.drawn = step;
      row.pages = pages_[i];
      row.params = &greedy_;
      row.wants_output = true;
      plan.tokens += static_cast<uint32_t>(std::max<size_t>(row.tokens.size(), 1));
      plan.rows.push_back(row);
    }
    return plan;
  }
  void collect() {
    auto outputs = runner_.collect();
    ASSERT_TRUE(outputs) << outputs.error().message;
    for (size_t i = 0; i < texts_.size(); ++i) texts_[i].push_back(token((*outputs)[i]));
  }

  schedule::Runner& runner_;
  work::TaskParams greedy_ = work::SamplingParams{.temperature = 0};
  std::vector<std::vector<int32_t>> prompts_, texts_;
  std::vector<std::vector<schedule::PageId>> pages_;
};

class CudaLlama : public ::testing::TestWithParam<std::string> {};

TEST_P(CudaLlama, GreedyTextInFloat32IsTheReferences) {
  if (no_device()) GTEST_SKIP() << kSkipped;
  auto golden = read_golden("tiny/" + GetParam() + "/golden.json")["prompts"];
  std::vector<std::vector<int32_t>> prompts;
  for (const auto& prompt : golden) prompts.push_back(prompt["ids"]);
  auto runner = on_gpu(
      {.directory = "tests/golden/tiny/" + GetParam(), .dtype = DType::float32, .pages = 64});
  ASSERT_TRUE(runner);
  ASSERT_EQ(runner->depth(), 1);
  auto texts = Batch(*runner, prompts, 12).texts(24);
  for (size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(texts[i], golden[i]["output_ids"].get<std::vector<int32_t>>())
        << golden[i]["smallest_gap"];
}

std::string name_of(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Golden, CudaLlama,
                         ::testing::Values("llama-gqa-tied", "llama-llama3-rope",
                                           "llama-linear-rope", "llama-sharded",
                                           "qwen3-head-norms"),
                         name_of);

TEST(CudaCache, TakesWhatTheWarmUpLeaves) {
  if (no_device()) GTEST_SKIP() << kSkipped;
  const std::string name = "tiny/llama-gqa-tied";
  LoadOptions options{.directory = "tests/golden/" + name,
                      .dtype = DType::float32,
                      .max_model_len = 64,
                      .max_sequences = 2,
                      .max_batch_tokens = 64,
                      .left_over = LeftOver{.sharers = 2}};
  auto runner = on_gpu(options);
  ASSERT_TRUE(runner);
  EXPECT_EQ(runner->spec().pages, 16u) << "no more than twice what two sequences can fill";
  EXPECT_EQ(runner->spec().max_tokens, 64u);
  const auto golden = read_golden(name + "/golden.json")["prompts"][1];
  EXPECT_EQ(Batch(*runner, {golden["ids"]}, 4).texts(24)[0],
            golden["output_ids"].get<std::vector<int32_t>>());
  options.left_over = LeftOver{.reserve = UINT64_MAX};
  Progress progress;
  auto none = load(options, arch::table(), gpu(), progress);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, ::testing::HasSubstr("the cache has 1 bytes"));
}

class CudaBert : public ::testing::TestWithParam<std::string> {};

TEST_P(CudaBert, VectorsAreTheReferences) {
  if (no_device()) GTEST_SKIP() << kSkipped;
  auto runner = on_gpu({.directory = "tests/golden/tiny/" + GetParam(), .dtype = DType::float32});
  ASSERT_TRUE(runner);
  expect_reference_vectors(*runner, GetParam(), 5e-5);
}

INSTANTIATE_TEST_SUITE_P(Golden, CudaBert,
                         ::testing::Values("bert-mean", "bert-cls-normalize", "bert-odd-heads"),
                         name_of);

const std::string kSmolLm2 = "models/downloaded/smollm2-135m-instruct";

// Head size 64 in groups of 3: FlashInfer's prefill, then its tiles of one query inside graphs. The
// reference's tokens are given, so that one near tie that bfloat16 decides otherwise costs one
// token and not the rest of the text.
TEST(CudaSmolLm2, Bfloat16AgreesWithTheReferenceOnNearlyEveryToken) {
  if (no_device()) GTEST_SKIP() << kSkipped;
  if (!std::filesystem::exists(kSmolLm2 + "/config.json"))
    GTEST_SKIP() << kSmolLm2 << " is not there: scripts/get_models gets it";
  auto golden = read_golden("smollm2.json")["chats"];
  std::vector<std::vector<int32_t>> prompts, expected;
  for (const auto& chat : golden) {
    prompts.push_back(chat["prompt_ids"]);
    expected.push_back(chat["output_ids"]);
  }
  auto runner = on_gpu({.directory = kSmolLm2, .dtype = DType::bfloat16, .pages = 160});
  ASSERT_TRUE(runner);
  auto texts =
      Batch(*runner, prompts, 160 / static_cast<uint32_t>(prompts.size())).texts(64, expected);
  int same = 0, all = 0;
  for (size_t i = 0; i < texts.size(); ++i)
    for (size_t k = 0; k < 64; ++k) ++all, same += texts[i][k] == expected[i][k];
  EXPECT_GE(same, all * 95 / 100) << same << " of " << all;
}

constexpr const char* kHeadsOf64 =
    R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 192, "intermediate_size": 256,
  "num_hidden_layers": 2, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 211,
  "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu"})";

// FlashInfer's decode in graphs, captured at one length and replayed at others, against its
// prefill. Logits of random weights lie close, and bfloat16 decides some otherwise.
TEST(CudaGraphs, DecodedTokensAreNearlyAlwaysThosePrefillGives) {
  if (no_device()) GTEST_SKIP() << kSkipped;
  constexpr uint32_t kTokens = 24, kPagesEach = 16;
  const ModelFolder folder(kHeadsOf64);
  for (size_t rows : {1, 3, 9}) {
    auto runner = on_gpu({.directory = folder.path(),
                          .dtype = DType::bfloat16,
                          .pages = static_cast<uint32_t>(rows) * kPagesEach,
                          .dummy = true});
    ASSERT_TRUE(runner);
    std::vector<std::vector<int32_t>> prompts(rows);
    for (size_t i = 0; i < rows; ++i)
      for (size_t k = 0; k < 5 + 25 * i; ++k)
        prompts[i].push_back(static_cast<int32_t>((31 * i + 7 * k) % 211));
    const auto texts = Batch(*runner, prompts, kPagesEach).texts(kTokens);
    std::vector<schedule::PageId> pages(kPagesEach);
    std::iota(pages.begin(), pages.end(), 0);
    int same = 0, all = 0;
    for (size_t i = 0; i < rows; ++i)
      for (uint32_t k = 1; k < kTokens; ++k) {
        prompts[i].push_back(texts[i][k - 1]);
        const auto outputs =
            run(*runner, {{prompts[i], 0, pages, work::SamplingParams{.temperature = 0}}});
        ASSERT_EQ(outputs.size(), 1u);
        ++all, same += token(outputs[0]) == texts[i][k];
      }
    EXPECT_GE(same, all * 4 / 5) << same << " of " << all << ", " << rows << " rows";
  }
}

TEST(CudaDevice, AnIndexThatIsNotThereIsRefused) {
  auto opened = Device::open({.kind = DeviceKind::cuda, .index = 4096});
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message,
              ::testing::HasSubstr("device is cuda:4096; this machine has "));
}

}  // namespace
}  // namespace weir::engine::test
