// Heads out of folders of their own: what is refused, and the goldens of the two that are here.
#include <gmock/gmock.h>

#include <cmath>

#include "engine/golden.h"
#include "engine/tiny_head.h"

namespace weir::engine::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Tokens = std::vector<uint32_t>;
using Patch = std::function<void(TinyHead&)>;

/// "accepted" or the message, of describe() and load(), which must agree.
std::string verdict(LoadOptions options) {
  options.directory = TinyHead::kTrunk;
  const auto described = describe(options, arch::table(), DeviceKind::cpu);
  Progress progress;
  const auto loaded = load(options, arch::table(), cpu(), progress);
  const std::string checked = described ? "accepted" : described.error().message,
                    served = loaded ? "accepted" : loaded.error().message;
  EXPECT_EQ(checked, served);
  return checked;
}

std::string verdict_of(TinyHead head, const Patch& patch) {
  patch(head);
  return verdict({.heads = {head.write()}});
}
std::string tagger(const Patch& patch) { return verdict_of(TinyHead::tagger(), patch); }
std::string classifier(const Patch& patch) { return verdict_of(TinyHead::classifier(), patch); }

TEST(HeadFolder, IsTaken) {
  EXPECT_EQ(tagger([](TinyHead&) {}), "accepted");
  EXPECT_EQ(classifier([](TinyHead&) {}), "accepted");
  EXPECT_EQ(verdict({.heads = {TinyHead::tagger().write(), TinyHead::classifier().write()}}),
            "accepted");
}

TEST(HeadFolder, WithANumberThatIsNotFiniteIsRefused) {
  for (const char* name : {"crf.start", "crf.transitions", "crf.end", "mix.weight", "linear.bias"})
    EXPECT_THAT(tagger([&](TinyHead& head) { head.spoilt = name; }), HasSubstr(name));
  EXPECT_THAT(classifier([](TinyHead& head) { head.spoilt = "linear.weight"; }),
              HasSubstr("1 of linear.weight"));
}

TEST(HeadFolder, OfAnotherTrunkIsRefused) {
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["trunk"]["hidden_size"] = 48; }),
              HasSubstr("head.json: trunk: hidden_size is 48; the model has 32"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["trunk"]["num_hidden_layers"] = 6; }),
              HasSubstr("num_hidden_layers is 6; the model has 2"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["trunk"]["architecture"] = "T5Model"; }),
              HasSubstr("architecture is T5Model; the model is a BertModel"));
  EXPECT_THAT(
      tagger([](TinyHead& head) { head.json["trunk"]["model_safetensors_sha256"] = "53aa"; }),
      HasSubstr("model_safetensors_sha256 is 53aa; that of tests/golden/tiny/bert-mean/"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["input"]["dim"] = 16; }),
              HasSubstr("input: dim is 16; the model has 32"));
  EXPECT_THAT(tagger([](TinyHead& head) {
                head.json["input"]["indices"] = {0, 1, 3};
              }),
              HasSubstr("indices holds 3; the trunk's are 0 to 2"));
}

TEST(HeadFolder, OfAnotherKindIsRefused) {
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["format"] = "task-head/2"; }),
              HasSubstr("format is \"task-head/2\"; only task-head/1 is supported"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["task"] = "question-answering"; }),
              HasSubstr("task \"question-answering\" is not supported (sequence-classification, "
                        "token-classification)"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["dtype"] = "float16"; }),
              HasSubstr("dtype is \"float16\"; only float32 is supported"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"][1]["type"] = "gru"; }),
              HasSubstr("layers[1]: type \"gru\" is not supported here (linear, lstm)"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"][1]["num_layers"] = 2; }),
              HasSubstr("layers[1]: num_layers is 2; only 1 is supported"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"][1]["gate_order"] = "i,o,f,g"; }),
              HasSubstr("gate_order is \"i,o,f,g\"; only i,f,g,o is supported"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"][3]["transitions_index"] = "[to]"; }),
              HasSubstr("transitions_index is \"[to]\"; only [from][to] is supported"));
  EXPECT_THAT(classifier([](TinyHead& head) { head.json["input"]["pooling"] = "max"; }),
              HasSubstr("pooling is \"max\"; only the mean over all positions is supported"));
  EXPECT_THAT(classifier([](TinyHead& head) { head.json["input"]["normalize"] = "L1"; }),
              HasSubstr("normalize is \"L1\"; L2 and none are supported"));
  EXPECT_THAT(classifier([](TinyHead& head) { head.json["input"]["source"] = "hidden_states"; }),
              HasSubstr("sequence-classification reads last_hidden_state"));
  EXPECT_THAT(classifier([](TinyHead& head) { head.json["output"] = "tanh"; }),
              HasSubstr("output is \"tanh\"; softmax and sigmoid are supported"));
}

TEST(HeadFolder, WhoseShapesDoNotFitIsRefused) {
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"][2]["in_features"] = 12; }),
              HasSubstr("layers[2]: in_features is 12; what comes in has 10"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"][1]["input_size"] = 33; }),
              HasSubstr("layers[1]: input_size is 33; what comes in has 32"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"][0]["shape"] = {7}; }),
              HasSubstr("layers[0]: shape is [7]; its sizes make it [3]"));
  EXPECT_THAT(tagger([](TinyHead& head) {
                head.json["labels"] = {"O", "B-X"};
              }),
              HasSubstr("layers[3]: num_tags is 3; labels has 2"));
  EXPECT_THAT(classifier([](TinyHead& head) {
                head.json["labels"] = {"O", "B-X"};
              }),
              HasSubstr("labels has 2 texts; the layers give 3 columns"));
  EXPECT_THAT(tagger([](TinyHead& head) {
                head.tensors["lstm.weight_hh_l0"] = {20, 4};
              }),
              HasSubstr("tensor lstm.weight_hh_l0 has the shape (20, 4); head.json says (20, 5)"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.tensors.erase("crf.end"); }),
              HasSubstr("the checkpoint has no tensor crf.end"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.tensors["other"] = {1}; }),
              HasSubstr("holds the tensor other, which no layer of head.json names"));
}

TEST(HeadFolder, ThatLacksAFieldIsRefused) {
  for (const char* field : {"name", "trunk", "input"})
    EXPECT_THAT(tagger([&](TinyHead& head) { head.json.erase(field); }),
                HasSubstr(std::string("head.json: ") + field + " is missing"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"] = json::array(); }),
              HasSubstr("layers is empty"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"] = {1}; }),
              HasSubstr("layers[0] is 1, not an object"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"].erase(0); }),
              HasSubstr("the first layer is no scalar_mix"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["layers"][2].erase("weight"); }),
              HasSubstr("layers[2]: weight is missing"));
  EXPECT_THAT(verdict({.heads = {"/nowhere"}}), HasSubstr("/nowhere/head.json"));
}

TEST(HeadFolder, OfATaskThatTheModelHasIsRefused) {
  const std::string both =
      verdict({.heads = {TinyHead::classifier().write(), TinyHead::classifier().write()}});
  EXPECT_THAT(both, HasSubstr("the heads tiny-classifier and tiny-classifier are both for the task "
                              "classify; a model has one of a task at most"));
}

TEST(HeadFolder, OverATrunkThatGivesNoInnerStatesIsRefused) {
  auto head = TinyHead::tagger();
  head.json["trunk"] = {{"hidden_size", 32}, {"model_safetensors_sha256", ""}};
  const std::string trunk = "tests/golden/tiny/llama-gqa-tied";
  head.json["trunk"]["model_safetensors_sha256"] =
      *nn::sha256_of_files(std::vector{trunk + "/model.safetensors"});
  const auto described =
      describe({.directory = trunk, .heads = {head.write()}}, arch::table(), DeviceKind::cpu);
  ASSERT_FALSE(described);
  EXPECT_THAT(described.error().message,
              HasSubstr("source is \"hidden_states\"; LlamaForCausalLM gives only the last"));
}

TEST(HeadFolder, WithAnLstmIsRefusedOnAGpu) {
  auto head = TinyHead::tagger();
  head.json["input"]["source"] = "last_hidden_state";
  head.json["layers"].erase(0);
  head.tensors.erase("mix.weight");
  const LoadOptions options{.directory = TinyHead::kTrunk, .heads = {head.write()}};
  EXPECT_TRUE(describe(options, arch::table(), DeviceKind::cpu));
  const auto described = describe(options, arch::table(), DeviceKind::cuda);
  ASSERT_FALSE(described);
  EXPECT_THAT(described.error().message,
              HasSubstr("type \"lstm\" is computed on processors only, not on a GPU"));
}

TEST(HeadFolder, SaysWhatItsColumnsAre) {
  const auto described =
      describe({.directory = TinyHead::kTrunk, .heads = {TinyHead::tagger().write()}},
               arch::table(), DeviceKind::cpu);
  ASSERT_TRUE(described) << described.error().message;
  ASSERT_EQ(described->heads.size(), 2U);
  EXPECT_EQ(described->heads[0].task, folder::HeadTask::embed);
  const folder::HeadCard& card = described->heads[1];
  EXPECT_EQ(card.task, folder::HeadTask::tag);
  EXPECT_EQ(card.name, "tiny-tagger");
  EXPECT_THAT(card.labels, testing::ElementsAre("O", "B-X", "I-X"));
  EXPECT_TRUE(card.by_word);
  EXPECT_TRUE(card.crf);
  EXPECT_THAT(described->warnings, testing::IsEmpty());
}

const std::string kMiniLm = "models/downloaded/all-minilm-l6-v2",
                  kSentiment = "models/minilm-sentiment", kNer = "models/minilm-ner-crf";

/// The cases that say their tokens: one, longer than the model takes, does not.
json cases_of(const std::string& head) {
  std::ifstream file(head + "/golden.json");
  const json golden = json::parse(file);
  json cases = json::array();
  for (const json& text : golden["cases"])
    if (text.contains("token_ids")) cases.push_back(text);
  return cases;
}

/// Both heads over one trunk, all their goldens in one step.
class MiniLmHeads : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kMiniLm))
      GTEST_SKIP() << kMiniLm << " is not there: scripts/get_models gets it";
    Progress progress;
    auto loaded = load({.directory = kMiniLm, .heads = {kSentiment, kNer}, .dtype = DType::float32},
                       arch::table(), cpu(), progress);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_THAT(loaded->description.warnings, testing::IsEmpty());
    cards_ = loaded->description.heads;
    for (const json& text : sentiment_)
      rows_.push_back(
          {.tokens = text["token_ids"], .params = work::Reads{{.head = 1}, work::Read{}}});
    for (const json& text : ner_)
      rows_.push_back({.tokens = text["token_ids"],
                       .params = work::Reads{
                           {.head = 2, .tokens = text["first_piece"].get<Tokens>()}, {.head = 1}}});
    outputs_ = run(*loaded->runner, rows_);
    ASSERT_EQ(outputs_.size(), 39U);
  }

  const work::Numbers& numbers(size_t row) const {
    return std::get<work::Readings>(outputs_[row]).heads.at(0);
  }

  const json sentiment_ = cases_of(kSentiment), ner_ = cases_of(kNer);
  std::vector<folder::HeadCard> cards_;
  std::vector<HandRow> rows_;
  std::vector<work::Output> outputs_;
};

TEST_F(MiniLmHeads, SentimentsProbabilitiesAreTheReferences) {
  EXPECT_THAT(cards_.at(1).labels, testing::ElementsAre("negative", "positive"));
  EXPECT_EQ(cards_[1].scores, folder::HeadCard::Scores::softmax);
  for (size_t i = 0; i < sentiment_.size(); ++i) {
    const auto& logits = numbers(i).values;
    ASSERT_EQ(logits.size(), 2U);
    const double positive = 1 / (1 + std::exp(double{logits[0]} - logits[1]));
    const json& expected = sentiment_[i]["probabilities_float64"];
    EXPECT_NEAR(positive, expected[1], 1e-5) << sentiment_[i]["text"];
    EXPECT_NEAR(1 - positive, expected[0], 1e-5);
    const auto& vector = std::get<work::Readings>(outputs_[i]).heads.at(1).values;
    ASSERT_EQ(vector.size(), 384U);
    for (size_t k = 0; k < 8; ++k)
      EXPECT_NEAR(vector[k], sentiment_[i]["embedding_first8"][k], 2e-6);
  }
}

/// What a CRF makes of a path, by its definition.
double score_of(const work::Numbers& emissions, const folder::Crf& crf,
                const std::vector<size_t>& path) {
  double score = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    score += emissions.values[i * emissions.columns + path[i]];
    if (i > 0) score += crf.transitions[path[i - 1] * emissions.columns + path[i]];
  }
  return path.empty() ? score : score + crf.start[path.front()] + crf.end[path.back()];
}

TEST_F(MiniLmHeads, TheTaggersEmissionsAreTheReferences) {
  ASSERT_EQ(cards_.size(), 3U);
  const folder::HeadCard& card = cards_[2];
  EXPECT_TRUE(card.by_word);
  ASSERT_TRUE(card.crf);
  EXPECT_EQ(card.crf->transitions.size(), 81U);
  EXPECT_FLOAT_EQ(card.crf->start[2], -10000) << "I-PER opens nothing";
  size_t compared = 0;
  for (size_t i = 0; i < ner_.size(); ++i) {
    const work::Numbers& emissions = numbers(sentiment_.size() + i);
    ASSERT_EQ(emissions.lines(), ner_[i]["first_piece"].size()) << ner_[i]["text"];
    std::vector<size_t> path;
    for (const json& tag : ner_[i]["tags"])
      path.push_back(static_cast<size_t>(std::ranges::find(card.labels, tag.get<std::string>()) -
                                         card.labels.begin()));
    const double wanted = path.empty() ? 0 : ner_[i]["score"].get<double>();
    EXPECT_NEAR(score_of(emissions, *card.crf, path), wanted, 1e-3) << ner_[i]["text"];
    if (!ner_[i].contains("emissions")) continue;
    const auto expected = ner_[i]["emissions"].get<std::vector<std::vector<float>>>();
    for (size_t line = 0; line < expected.size(); ++line)
      for (size_t k = 0; k < 9; ++k, ++compared)
        EXPECT_NEAR(emissions.values[9 * line + k], expected[line][k], 1e-4)
            << ner_[i]["text"] << ", word " << line;
  }
  EXPECT_EQ(compared, 9U * (10 + 14 + 22));
}

}  // namespace
}  // namespace weir::engine::test
