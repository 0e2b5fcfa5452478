// Checkpoints with the head of a task beside their trunk, against transformers.
#include <gmock/gmock.h>

#include "engine/folder_copy.h"
#include "engine/golden.h"
#include "nn/heads/labels.h"

namespace weir::engine::test {
namespace {

using nlohmann::json;
using Scores = folder::HeadCard::Scores;
using testing::ElementsAre;
using testing::HasSubstr;

/// A row for each text, single or a pair, that reads head 1 (and the embedding, every other time).
std::vector<HandRow> rows_of(const json& texts, bool by_token) {
  std::vector<HandRow> rows;
  for (const json& text : texts) {
    HandRow row{.tokens = text["ids"]};
    row.types = text["type_ids"].get<std::vector<uint8_t>>();
    work::Read read{.head = 1};
    if (by_token) {
      read.tokens.emplace();
      for (uint32_t i = 0; i < row.tokens.size(); ++i) read.tokens->push_back(i);
    }
    work::Reads reads{std::move(read)};
    if (rows.size() % 2 == 1) reads.push_back({.head = 0});
    row.params = std::move(reads);
    rows.push_back(std::move(row));
  }
  return rows;
}

void expect_logits(const std::string& name, bool by_token) {
  const json golden = read_golden("tiny/" + name + "/golden.json");
  const auto rows = rows_of(golden["texts"], by_token);
  for (const auto& [type, off] :
       {std::pair{DType::float32, 2e-5}, std::pair{DType::bfloat16, 0.2}}) {
    auto runner = load_runner({.directory = "tests/golden/tiny/" + name, .dtype = type});
    ASSERT_TRUE(runner);
    const auto outputs = run(*runner, rows);
    ASSERT_EQ(outputs.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      std::vector<std::vector<float>> expected;
      const json& logits = golden["texts"][i]["logits"];
      if (by_token)
        logits.get_to(expected);
      else
        expected.push_back(logits.get<std::vector<float>>());
      const work::Numbers& numbers = std::get<work::Readings>(outputs[i]).heads.at(0);
      ASSERT_EQ(numbers.lines(), expected.size());
      for (size_t line = 0; line < expected.size(); ++line)
        for (size_t k = 0; k < numbers.columns; ++k)
          EXPECT_NEAR(numbers.values[line * numbers.columns + k], expected[line][k], off)
              << name << ", text " << i << ", line " << line;
    }
  }
}

TEST(TaskHeads, ASequencesLogitsAreTheReferences) {
  for (const char* name :
       {"bert-classify", "roberta-classify", "distilbert-classify", "mpnet-classify"})
    expect_logits(name, false);
}

TEST(TaskHeads, TokensLogitsAreTheReferences) {
  for (const char* name : {"bert-tag", "xlm-roberta-tag", "distilbert-tag", "mpnet-tag"})
    expect_logits(name, true);
}

folder::HeadCard card_of(const FolderCopy& folder) {
  const auto described = describe({.directory = folder.path()}, arch::table(), DeviceKind::cpu);
  if (!described) {
    ADD_FAILURE() << described.error().message;
    return {};
  }
  EXPECT_EQ(described->heads.size(), 2U);
  EXPECT_EQ(described->heads[0].task, folder::HeadTask::embed);
  return described->heads.back();
}

TEST(TaskHeads, SayWhatTheirColumnsAre) {
  const folder::HeadCard tag = card_of(FolderCopy("bert-tag"));
  EXPECT_EQ(tag.task, folder::HeadTask::tag);
  EXPECT_THAT(tag.labels, ElementsAre("O", "B-THING", "I-THING", "B-PLACE", "I-PLACE"));
  EXPECT_FALSE(tag.by_word);
  const FolderCopy folder("bert-classify");
  EXPECT_EQ(card_of(folder).task, folder::HeadTask::classify);
  EXPECT_THAT(card_of(folder).labels, ElementsAre("bad", "fair", "good"));
  EXPECT_EQ(card_of(folder).scores, Scores::softmax);
  folder.patch("config.json", R"({"problem_type": "multi_label_classification"})");
  EXPECT_EQ(card_of(folder).scores, Scores::sigmoid);
  folder.patch("config.json", R"({"problem_type": "regression"})");
  EXPECT_EQ(card_of(folder).scores, Scores::number);
  folder.patch("config.json", R"({"problem_type": null, "id2label": null, "num_labels": 3})");
  EXPECT_EQ(card_of(folder).scores, Scores::softmax);
  EXPECT_THAT(card_of(folder).labels, ElementsAre("LABEL_0", "LABEL_1", "LABEL_2"));
}

TEST(TaskHeads, OneLabelIsASigmoidUnlessItIsARegression) {
  const auto scores = [](const char* type) {
    return nn::scores_of(nn::ConfigFile("config.json", {{"problem_type", type}}), 1);
  };
  EXPECT_EQ(scores(""), Scores::sigmoid);
  EXPECT_EQ(scores("single_label_classification"), Scores::sigmoid);
  EXPECT_EQ(scores("regression"), Scores::number);
}

TEST(TaskHeads, OfAnotherShapeOrWithoutTheirLabelsAreRefused) {
  const auto verdict = [](const std::string& patch) {
    const FolderCopy folder("bert-classify");
    folder.patch("config.json", patch);
    return folder.verdict();
  };
  EXPECT_THAT(verdict(R"({"problem_type": "ranking"})"),
              HasSubstr("problem_type \"ranking\" is not known (single_label_classification, "));
  EXPECT_THAT(verdict(R"({"id2label": {"3": "more"}})"),
              HasSubstr("classifier.weight has the shape (3, 32); config.json says (4, 32)"));
  EXPECT_THAT(verdict(R"({"id2label": {"1": null, "4": "more"}})"),
              HasSubstr("id2label: id 1 is missing; its 3 ids are 0 to 2"));
  EXPECT_THAT(verdict(R"({"id2label": {"1": 7}})"), HasSubstr("1 is 7, not a string"));
  EXPECT_THAT(verdict(R"({"num_labels": 2})"), HasSubstr("num_labels is 2; id2label has 3"));
  EXPECT_THAT(verdict(R"({"id2label": null, "num_labels": 2000000000})"),
              HasSubstr("num_labels is 2000000000; at most 1048576 is possible"));
  EXPECT_THAT(
      verdict(
          R"({"architectures": ["BertForTokenClassification", "BertForSequenceClassification"]})"),
      HasSubstr("architectures names BertForSequenceClassification and "
                "BertForTokenClassification; a checkpoint has one head beside its trunk"));
}

}  // namespace
}  // namespace weir::engine::test
