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

TEST(HeadFolder, WithANumberThatIsNotFiniteOrTooLargeIsRefused) {
  for (const char* name : {"crf.start", "crf.transitions", "crf.end", "mix.weight", "linear.bias"})
    EXPECT_THAT(tagger([&](TinyHead& head) { head.spoilt = name; }),
                HasSubstr(std::string(name) + " holds inf; -1e+06 to 1e+06 is possible"));
  EXPECT_THAT(classifier([](TinyHead& head) {
                head.spoilt = "linear.weight";
                head.number = std::nanf("");
              }),
              HasSubstr("linear.weight holds nan"));
  const auto with = [](float number) {
    return tagger([&](TinyHead& head) {
      head.spoilt = "crf.transitions";
      head.number = number;
    });
  };
  EXPECT_THAT(with(3e38F), HasSubstr("crf.transitions holds 3e+38"));
  EXPECT_THAT(with(-1.1e6F), HasSubstr("crf.transitions holds -1.1e+06"));
  EXPECT_EQ(with(-1e6F), "accepted");
}

TEST(HeadFolder, OfAnotherTrunkIsRefused) {
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["trunk"]["hidden_size"] = 48; }),
              HasSubstr("head.json: trunk: hidden_size is 48; the model has 32"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["trunk"]["num_hidden_layers"] = 6; }),
              HasSubstr("num_hidden_layers is 6; the model has 2"));
  EXPECT_THAT(tagger([](TinyHead& head) { head.json["trunk"]["architecture"] = "T5Model"; }),
              HasSubstr("architecture is T5Model; the model is a BertModel"));
  const auto with_hash = [](const std::string& hash) {
    return tagger([&](TinyHead& head) { head.json["trunk"]["model_safetensors_sha256"] = hash; });
  };
  EXPECT_THAT(with_hash(std::string(64, 'a')),
              HasSubstr("model_safetensors_sha256 is " + std::string(64, 'a') +
                        "; that of tests/golden/tiny/bert-mean/"));
  EXPECT_THAT(with_hash("53aa"),
              HasSubstr("model_safetensors_sha256 is 53aa; 64 digits of 0 to 9 and a to f"));
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

/// A head that says the same as today's, in its words.
TEST(HeadFolder, ThatSaysWhatIsComputedIsTaken) {
  EXPECT_EQ(tagger([](TinyHead& head) {
              head.json["tokenizer"] = {{"kind", "trunk"},   {"add_special_tokens", "template"},
                                        {"padding", "none"}, {"truncation", "end"},
                                        {"max_tokens", 128}, {"strip_input", "none"}};
              head.json["words"]["representation"] = "first token";
              head.json["tag_scheme"] = "BIO";
              head.json["entity_types"] = {"X"};
              head.json["entities"] = "words";
              head.json["input"]["meaning"] = "0: embeddings, k: layer k";
              head.json["layers"][0]["formula"] = "sum_k weight[k] * hidden_states[k]";
              head.json["layers"][1]["formula"] = "torch.nn.LSTM";
              head.json["layers"][1]["output"] = "concat";
              head.json["layers"][2]["output"] = "emissions";
              head.json["layers"][3]["formula"] = "linear chain";
              head.json["layers"][3]["decode"] = "Viterbi";
              head.json["layers"][3]["forbidden"] = "-10000";
            }),
            "accepted");
  EXPECT_EQ(classifier([](TinyHead& head) { head.json["output"] = "sigmoid over the 3 logits"; }),
            "accepted");
}

TEST(HeadFolder, ThatSaysWhatIsNotComputedIsRefused) {
  using At = json::json_pointer;
  struct Case {
    const char* field;
    json value;
    const char* refusal;
  };
  const Case cases[] = {
      {"/tokenizer", "trunk", "tokenizer is \"trunk\", not an object"},
      {"/tokenizer/kind", "cased", "tokenizer: kind is \"cased\"; only trunk is supported"},
      {"/tokenizer/add_special_tokens", "none", "add_special_tokens is \"none\""},
      {"/tokenizer/truncation", "middle", "truncation is \"middle\"; only end is supported"},
      {"/tokenizer/padding", "to 128", "padding is \"to 128\"; only none is supported"},
      {"/tokenizer/strip_input", "both", "strip_input is \"both\"; only none is supported"},
      {"/tokenizer/max_tokens", 0, "max_tokens is 0; 1 to"},
      {"/tokenizer/lower", true, "not known and not read: tokenizer.lower"},
      {"/words", false, "words is false, not an object"},
      {"/words/rule", "spaces", "words: rule is \"spaces\"; only tokenizer is supported"},
      {"/words/representation", "mean", "representation is \"mean\"; only first token"},
      {"/tag_scheme", "BMES", "tag_scheme \"BMES\" is not supported (BIO, IOB1, IOB2, IO, BIOES"},
      {"/tag_scheme", "IO", "labels has \"B-X\", which tag_scheme IO does not have"},
      {"/entity_types", {"X", "Y"}, "entity_types is [\"X\",\"Y\"]; labels has the kinds X"},
      {"/entities", "tokens", "entities is \"tokens\"; only words is supported"},
      {"/output", "softmax", "output is there; with a crf layer the CRF makes the scores"},
      {"/temperature", 2, "not known and not read: temperature"},
      {"/input/meaning", "0: first layer", "meaning is \"0: first layer\""},
      {"/input/pooling", "mean", "not known and not read: input.pooling"},
      {"/layers/0/formula", "softmax", "layers[0]: formula is \"softmax\""},
      {"/layers/1/formula", "GRU", "layers[1]: formula is \"GRU\"; only torch.nn.LSTM"},
      {"/layers/1/output", "sum", "layers[1]: output is \"sum\"; only concat is supported"},
      {"/layers/1/parameters", {"a", 3}, "parameters is [\"a\",3], not a list of strings"},
      {"/layers/2/activation", "relu", "layers[2]: not known and not read: activation"},
      {"/layers/2/formula", "relu(W x)", "layers[2]: formula is \"relu(W x)\"; only W x + b"},
      {"/layers/3/decode", "beam", "layers[3]: decode is \"beam\"; only Viterbi is supported"},
      {"/layers/3/formula", "semi-Markov", "formula is \"semi-Markov\"; only linear chain"},
      {"/layers/3/forbidden", "by the scheme", "forbidden is \"by the scheme\"; only -10000"},
      {"/layers/3/transitions_index", nullptr, "transitions_index is missing"},
      {"/labels", {"O", 1, "B-X"}, "labels is [\"O\",1,\"B-X\"], not a list of strings"},
      {"/labels", {"O", "B-X", "O"}, "labels has \"O\" twice"},
      {"/labels", {"O", "B-X", ""}, "labels has \"\"; a label has a name"},
  };
  for (const Case& each : cases)
    EXPECT_THAT(tagger([&](TinyHead& head) { head.json[At(each.field)] = each.value; }),
                HasSubstr(each.refusal))
        << each.field;
  EXPECT_THAT(classifier([](TinyHead& head) { head.json["output"] = nullptr; }),
              HasSubstr("output is missing"));
  EXPECT_THAT(classifier([](TinyHead& head) { head.json["output"] = "softmax of logits / 2"; }),
              HasSubstr("output is \"softmax of logits / 2\"; softmax and sigmoid are supported"));
  EXPECT_THAT(classifier([](TinyHead& head) { head.json["tag_scheme"] = "BIO"; }),
              HasSubstr("tag_scheme is there; only a token-classification has it"));
}

std::string verdict_alone(const TinyHead& head, DeviceKind device = DeviceKind::cpu) {
  const auto described = describe_head(head.write(), arch::table(), device);
  return described ? "accepted" : described.error().message;
}

TEST(HeadFolder, AloneSaysWhatItIs) {
  const auto head = describe_head(TinyHead::tagger().write(), arch::table(), DeviceKind::cpu);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->card.name, "tiny-tagger");
  EXPECT_EQ(head->card.task, folder::HeadTask::tag);
  EXPECT_THAT(head->card.labels, testing::ElementsAre("O", "B-X", "I-X"));
  EXPECT_EQ(head->trunk.architecture, "BertModel");
  EXPECT_EQ(head->trunk.shape.hidden, 32);
  EXPECT_EQ(head->numbers, 3U + 15 + 2 * (20 * 32 + 20 * 5 + 40) + 33);
  EXPECT_EQ(verdict_alone(TinyHead::classifier()), "accepted");
}

/// All but the comparison with the trunk's weights is done without them.
TEST(HeadFolder, AloneIsCheckedToo) {
  const auto alone = [](const Patch& patch) {
    TinyHead head = TinyHead::tagger();
    patch(head);
    return verdict_alone(head);
  };
  EXPECT_THAT(alone([](TinyHead& head) { head.tensors.erase("crf.end"); }),
              HasSubstr("has no tensor crf.end"));
  EXPECT_THAT(alone([](TinyHead& head) { head.spoilt = "crf.end"; }), HasSubstr("crf.end holds"));
  EXPECT_THAT(alone([](TinyHead& head) { head.json["format"] = "task-head/2"; }),
              HasSubstr("only task-head/1 is supported"));
  EXPECT_THAT(alone([](TinyHead& head) { head.json["input"]["dim"] = 48; }),
              HasSubstr("input: dim is 48; the model has 32"));
  EXPECT_THAT(alone([](TinyHead& head) { head.json["trunk"]["num_hidden_layers"] = 1; }),
              HasSubstr("indices holds 2; the trunk's are 0 to 1"));
  EXPECT_THAT(alone([](TinyHead& head) { head.json["trunk"]["architecture"] = "T5Model"; }),
              HasSubstr("trunk: architecture T5Model is not supported ("));
  EXPECT_THAT(alone([](TinyHead& head) { head.json["trunk"].erase("model_safetensors_sha256"); }),
              HasSubstr("trunk: model_safetensors_sha256 is missing"));
  EXPECT_THAT(alone([](TinyHead& head) { head.json["words"] = 1; }), HasSubstr("words is 1"));
  EXPECT_EQ(alone([](TinyHead& head) { head.json["trunk"].erase("num_hidden_layers"); }),
            "accepted");
  EXPECT_THAT(verdict_alone(TinyHead::tagger(), DeviceKind::cuda), HasSubstr("not on a GPU"));
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
  head.json["input"].erase("indices");
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
