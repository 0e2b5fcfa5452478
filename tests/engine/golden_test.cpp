// The real default models and tiny seeded ones against transformers; tests/golden/README.md has the
// layout of the files.
#include "engine/golden.h"

#include <ATen/ops/matmul.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "engine/model_state.h"
#include "engine/run_trunk.h"
#include "engine/tiny_model.h"

namespace weir::engine::test {
namespace {

using nlohmann::json;

bool there(const std::string& folder) { return std::filesystem::exists(folder + "/config.json"); }

std::vector<schedule::PageId> own_pages(size_t row, int count) {
  std::vector<schedule::PageId> ids;
  for (int i = 0; i < count; ++i) ids.push_back(static_cast<int>(row) * count + i);
  return ids;
}

/// Greedy text of all prompts in one batch.
std::vector<std::vector<int32_t>> greedy(schedule::Runner& runner,
                                         const std::vector<std::vector<int32_t>>& prompts,
                                         size_t count, int pages_each) {
  std::vector<HandRow> rows;
  for (size_t i = 0; i < prompts.size(); ++i)
    rows.push_back({.tokens = prompts[i],
                    .pages = own_pages(i, pages_each),
                    .params = work::SamplingParams{.temperature = 0},
                    .slot = static_cast<schedule::SlotId>(i)});
  std::vector<std::vector<int32_t>> texts(prompts.size());
  for (size_t step = 0; step < count; ++step) {
    auto outputs = run(runner, rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      texts[i].push_back(std::get<work::Token>(outputs[i]).id);
      rows[i].first += static_cast<uint32_t>(rows[i].tokens.size());
      rows[i].tokens = {texts[i].back()};
    }
  }
  return texts;
}

/// A model built without its runner: hidden states and logits of a whole prompt.
class Probe {
 public:
  Probe(const std::string& folder, at::ScalarType type)
      : folder_(folder),
        config_(nn::ConfigFile::read(folder_ + "/config.json")),
        weights_(nn::open_safetensors(folder, nn::Numbers::read, {})) {
    std::string name = config_.json()["architectures"][0];
    for (const auto& architecture : arch::table())
      if (architecture.name == name || std::ranges::count(architecture.other_names, name) > 0)
        model_ = architecture.build(
            nn::Builder({folder_, config_, *weights_, cpu().backend(), type, 0}));
    state_ = ModelState(model_.shape, {.pages = 64, .page_size = 16, .slots = 1},
                        at::TensorOptions().dtype(type));
  }

  /// (tokens, hidden) float32
  at::Tensor hidden(const std::vector<int32_t>& prompt, const std::vector<int32_t>& source = {}) {
    auto pages = own_pages(0, 32), source_pages = own_pages(1, 32);
    work::TaskParams params;
    schedule::StepPlan plan;
    schedule::Row row;
    row.tokens = prompt;
    row.pages = pages;
    row.slot = 0;
    row.params = &params;
    row.source = source;
    row.source_tokens = static_cast<uint32_t>(source.size());
    row.source_pages = source_pages;
    plan.rows.push_back(row);
    StepInputs inputs;
    inputs.fill(plan, 1);
    return run_trunk(model_, inputs, state_.view());
  }

  /// (tokens, vocabulary)
  at::Tensor logits(const std::vector<int32_t>& prompt, const std::vector<int32_t>& source = {}) {
    at::Tensor products = at::matmul(hidden(prompt, source), projection().to(at::kFloat).t());
    if (weights_->has("lm_head.bias"))
      products.add_(weights_->get("lm_head.bias", {model_.shape.vocabulary}));
    return config_.boolean("scale_decoder_outputs",
                           !source.empty() && config_.boolean("tie_word_embeddings", true))
               ? products.mul(1 / std::sqrt(static_cast<double>(model_.shape.hidden)))
               : products;
  }

 private:
  /// The head's weight, or the table that it is tied to.
  at::Tensor projection() {
    for (const char* name :
         {"lm_head.weight", "model.embed_tokens.weight", "transformer.wte.weight", "shared.weight"})
      if (weights_->has(name))
        return weights_->get(name, {model_.shape.vocabulary, model_.shape.hidden});
    throw std::runtime_error(folder_ + " has no head");
  }

  std::string folder_;
  nn::ConfigFile config_;
  std::unique_ptr<nn::Weights> weights_;
  nn::Model model_;
  ModelState state_;
};

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
  return ab / std::sqrt(aa * bb);
}

const std::string kSmolLm2 = "models/downloaded/smollm2-135m-instruct";
const std::string kMiniLm = "models/downloaded/all-minilm-l6-v2";

TEST(SmolLm2Golden, GreedyTextInFloat32IsTheReferencesTokenForToken) {
  if (!there(kSmolLm2)) GTEST_SKIP() << kSmolLm2 << " is not there: scripts/get_models gets it";
  auto golden = read_golden("smollm2.json")["chats"];
  auto runner = load_runner({.directory = kSmolLm2, .dtype = DType::float32, .pages = 160});
  std::vector<std::vector<int32_t>> prompts, expected;
  for (const auto& chat : golden) {
    prompts.push_back(chat["prompt_ids"]);
    expected.push_back(chat["output_ids"]);
  }
  auto texts = greedy(*runner, prompts, 64, 160 / static_cast<int>(prompts.size()));
  for (size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(texts[i], expected[i])
        << "prompt " << i << ", smallest gap " << golden[i]["smallest_gap"];
}

// Sums of 576 products of numbers with 8 bits of mantissa, through 30 layers. Measured deviations,
// of logits that span 40: 0.03 to 0.33 of one prompt, by the order in which an instruction set
// adds, and 0.08 to 0.11 of all. A wrong rounding or a lost term is far outside.
TEST(SmolLm2Golden, LogitsInBfloat16StayNearFloat32) {
  if (!there(kSmolLm2)) GTEST_SKIP() << kSmolLm2 << " is not there: scripts/get_models gets it";
  struct Bounds {
    at::ScalarType type;
    double of_all, of_one;  // mean deviations
  };
  // The third prompt is 0.21, 0.24, 0.27 and 0.33 off, from AVX2 to AMX.
  const double of_one_prompt = kernels::cpu_isa() == kernels::Isa::amx ? 0.4 : 0.3;
  auto golden = read_golden("smollm2.json")["chats"];
  for (auto [type, of_all, of_one] :
       {Bounds{at::kFloat, 1e-3, 1e-3}, Bounds{at::kBFloat16, 0.15, of_one_prompt}}) {
    Probe probe(kSmolLm2, type);
    double all = 0;
    for (const auto& chat : golden) {
      at::Tensor last = probe.logits(chat["prompt_ids"])[-1].contiguous();
      double sum = 0;
      const auto& ids = chat["last_logits"]["ids"];
      for (size_t k = 0; k < ids.size(); ++k)
        sum += std::abs(last.const_data_ptr<float>()[ids[k].get<int64_t>()] -
                        chat["last_logits"]["values"][k].get<double>());
      const double one = sum / static_cast<double>(ids.size());
      EXPECT_LT(one, of_one) << at::toString(type);
      all += one / static_cast<double>(golden.size());
    }
    EXPECT_LT(all, of_all) << at::toString(type);
  }
}

TEST(MiniLmGolden, VectorsAreTheReferences) {
  if (!there(kMiniLm)) GTEST_SKIP() << kMiniLm << " is not there: scripts/get_models gets it";
  auto golden = read_golden("minilm.json")["texts"];
  for (auto [type, least] :
       {std::pair{DType::float32, 0.999999}, std::pair{DType::bfloat16, 0.9999}}) {
    auto runner = load_runner({.directory = kMiniLm, .dtype = type});
    std::vector<HandRow> rows;
    for (const auto& text : golden) rows.push_back({text["ids"], 0, {}, work::Reads{work::Read{}}});
    auto outputs = run(*runner, rows);
    for (size_t i = 0; i < rows.size(); ++i)
      EXPECT_GT(cosine(vector_of(outputs[i]), golden[i]["vector"]), least) << golden[i]["text"];
  }
}

/// The order of sums differs between machines by some units in the last place.
void expect_logits(const at::Tensor& computed, const json& wanted) {  // (tokens, vocabulary)
  const at::Tensor logits = computed.contiguous();
  ASSERT_EQ(static_cast<size_t>(logits.size(0)), wanted.size());
  for (int64_t t = 0; t < logits.size(0); ++t)
    for (int64_t v = 0; v < logits.size(1); ++v) {
      const auto reference = wanted[static_cast<size_t>(t)][static_cast<size_t>(v)].get<float>();
      ASSERT_NEAR(logits.const_data_ptr<float>()[t * logits.size(1) + v], reference,
                  2e-5 + 2e-6 * std::abs(reference))
          << "token " << t << ", id " << v;
    }
}

class TinyDecoder : public ::testing::TestWithParam<std::string> {};

TEST_P(TinyDecoder, LogitsAndGreedyTextAreTheReferences) {
  std::string folder = "tests/golden/tiny/" + GetParam();
  auto golden = read_golden("tiny/" + GetParam() + "/golden.json")["prompts"];
  Probe probe(folder, at::kFloat);
  std::vector<std::vector<int32_t>> prompts;
  for (const auto& prompt : golden) {
    prompts.push_back(prompt["ids"]);
    expect_logits(probe.logits(prompts.back()), prompt["logits"]);
  }
  auto runner = load_runner({.directory = folder, .dtype = DType::float32, .pages = 64});
  auto texts = greedy(*runner, prompts, 24, 12);
  for (size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(texts[i], golden[i]["output_ids"].get<std::vector<int32_t>>())
        << golden[i]["smallest_gap"];
}

INSTANTIATE_TEST_SUITE_P(Golden, TinyDecoder,
                         ::testing::Values("llama-gqa-tied", "llama-llama3-rope",
                                           "llama-linear-rope", "llama-sharded", "qwen3-head-norms",
                                           "gpt2", "gpt2-untied-scaled", "mistral-window",
                                           "mistral-full", "gru", "qwen2-tied", "qwen2-window",
                                           "llama-yarn", "llama-yarn-fields", "phi3-part-window",
                                           "phi3-tied"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class TinyT5Logits : public ::testing::TestWithParam<std::string> {};

TEST_P(TinyT5Logits, AreTheReferences) {
  Probe probe("tests/golden/tiny/" + GetParam(), at::kFloat);
  for (const auto& source : read_golden("tiny/" + GetParam() + "/golden.json")["sources"])
    expect_logits(probe.logits(source["decoder_ids"], source["source_ids"]), source["logits"]);
}

INSTANTIATE_TEST_SUITE_P(Golden, TinyT5Logits,
                         ::testing::Values("t5-tied-gated", "t5-untied-plain", "t5-far"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class TinyEncoder : public ::testing::TestWithParam<std::string> {};

TEST_P(TinyEncoder, HiddenStatesAndVectorsAreTheReferences) {
  std::string folder = "tests/golden/tiny/" + GetParam();
  auto golden = read_golden("tiny/" + GetParam() + "/golden.json")["texts"];
  Probe probe(folder, at::kFloat);
  auto runner = load_runner({.directory = folder, .dtype = DType::float32});
  for (const auto& text : golden) {
    if (text["text"].is_null()) continue;  // a pair, of which the vectors tell
    std::vector<int32_t> ids = text["ids"];
    at::Tensor hidden = probe.hidden(ids).contiguous();
    for (int64_t t = 0; t < hidden.size(0); ++t)
      for (int64_t k = 0; k < hidden.size(1); ++k)
        ASSERT_NEAR(
            hidden.const_data_ptr<float>()[t * hidden.size(1) + k],
            text["last_hidden_state"][static_cast<size_t>(t)][static_cast<size_t>(k)].get<float>(),
            2e-5);
  }
  expect_reference_vectors(*runner, GetParam(), 2e-5);
}

/// tiny/bert-mean with other files beside its own.
class SentenceFolder {
 public:
  explicit SentenceFolder(const json& files) {
    std::string name = (std::filesystem::temp_directory_path() / "weir-sentence-XXXXXX").string();
    if (!::mkdtemp(name.data())) std::abort();
    path_ = name;
    std::filesystem::copy("tests/golden/tiny/bert-mean", path_,
                          std::filesystem::copy_options::recursive);
    for (const auto& [file, value] : files.items()) {
      std::filesystem::create_directories((path_ / file).parent_path());
      std::ofstream(path_ / file) << value;
    }
  }
  ~SentenceFolder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// What serve makes of a prompt, its own tests say; here its tokens come from the golden.
TEST(SentenceGolden, EveryPoolingIsTheReferences) {
  const json golden = read_golden("sentence.json");
  for (const json& line : golden["cases"]) {
    const SentenceFolder folder(line["files"]);
    auto runner = load_runner({.directory = folder.path(), .dtype = DType::float32});
    ASSERT_TRUE(runner) << line["name"];
    std::vector<HandRow> rows;
    for (const json& ids : line["ids"])
      rows.push_back({ids, 0, {}, work::Reads{work::Read{.left_out = line["left_out"]}}});
    auto outputs = run(*runner, rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      const std::vector<float> expected = line["vectors"][i], vector = vector_of(outputs[i]);
      ASSERT_EQ(vector.size(), expected.size()) << line["name"];
      for (size_t k = 0; k < vector.size(); ++k)
        ASSERT_NEAR(vector[k], expected[k], 3e-5) << line["name"];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, TinyEncoder,
                         ::testing::Values("bert-mean", "bert-cls-normalize", "bert-odd-heads",
                                           "roberta-mean", "roberta-masked", "xlm-roberta-cls",
                                           "distilbert-mean", "distilbert-sinusoidal", "mpnet-mean",
                                           "mpnet-masked"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace weir::engine::test
