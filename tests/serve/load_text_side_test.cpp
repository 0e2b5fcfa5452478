#include <gmock/gmock.h>

#include "byte_model.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;

class LoadTextSide : public testing::Test {
 protected:
  void SetUp() override { write_generator(folder_); }
  TextSide load(ModelKind kind = ModelKind::generate) { return text_side(folder_, kind); }
  std::string refusal(ModelKind kind = ModelKind::generate) {
    auto side = load_text_side(folder_.path(), kind);
    return side ? "accepted" : side.error().message;
  }
  ModelFolder folder_;
};

TEST_F(LoadTextSide, EndsOfTextInTheirOrder) {
  EXPECT_THAT(load().eos_ids, ElementsAre(257));
  folder_.write("generation_config.json", R"({"eos_token_id":[5,6]})");
  EXPECT_THAT(load().eos_ids, ElementsAre(5, 6));
  folder_.write("generation_config.json", "{}");
  EXPECT_THAT(load().eos_ids, ElementsAre(1));
  folder_.write("config.json", R"({"eos_token_id":null})");
  EXPECT_THAT(load().eos_ids, ElementsAre(kTurn));
  folder_.write("tokenizer_config.json", R"({"eos_token":{"content":"<eos>"}})");
  EXPECT_THAT(load().eos_ids, ElementsAre(kEos));
  folder_.write("tokenizer_config.json", "{}");
  EXPECT_THAT(load().eos_ids, IsEmpty());
}

TEST_F(LoadTextSide, SamplingDefaults) {
  folder_.write("generation_config.json",
                R"({"temperature":0.6,"top_k":20,"min_p":null,"do_sample":false})");
  const GenerationDefaults defaults = load().defaults;
  EXPECT_FLOAT_EQ(*defaults.temperature, 0.6F);
  EXPECT_EQ(*defaults.top_k, 20U);
  EXPECT_FALSE(defaults.top_p);
  EXPECT_FALSE(defaults.min_p);
}

TEST_F(LoadTextSide, WrongFilesAreNamed) {
  folder_.write("generation_config.json", R"({"temperature":"hot"})");
  EXPECT_THAT(refusal(),
              EndsWith("generation_config.json: temperature is \"hot\"; a number is wanted"));
  folder_.write("generation_config.json", R"({"top_p":1.5})");
  EXPECT_THAT(refusal(), EndsWith("generation_config.json: top_p is 1.5; 0 to 1 is allowed"));
  folder_.write("generation_config.json", R"({"eos_token_id":["x"]})");
  EXPECT_THAT(refusal(), EndsWith("eos_token_id is [\"x\"]; ids are wanted"));
  folder_.write("generation_config.json", "{");
  EXPECT_THAT(refusal(), EndsWith("generation_config.json is no JSON object"));
}

TEST_F(LoadTextSide, TakesNoLongerForAnIdOfABillion) {
  auto tokenizer = byte_tokenizer(false);
  for (const uint32_t id : {1'000'000'000U, 4'294'967'295U}) {
    auto far = tokenizer["added_tokens"][0];
    far["id"] = id;
    far["content"] = "<far>";
    tokenizer["added_tokens"].push_back(far);
    folder_.write("tokenizer.json", tokenizer.dump());
    TextSide side = load();
    EXPECT_GE(side.tokenizer->vocabulary_size(), 259);
    EXPECT_EQ(side.longest_piece_bytes, 6U);
    tokenizer["added_tokens"].erase(3);
  }
}

TEST_F(LoadTextSide, FilesThatAreNoFilesAreNamed) {
  folder_.write("generation_config.json",
                "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}");
  EXPECT_THAT(refusal(), EndsWith("generation_config.json is nested deeper than 256 levels"));
  folder_.write("generation_config.json", "{}");
  std::filesystem::remove(folder_.path() + "/tokenizer.json");
  std::filesystem::create_symlink("/dev/zero", folder_.path() + "/tokenizer.json");
  EXPECT_THAT(refusal(), EndsWith("tokenizer.json is a device, not a regular file"));
}

TEST_F(LoadTextSide, LimitsOfAnEncoder) {
  write_encoder(folder_);
  TextSide side = load(ModelKind::embed);
  EXPECT_EQ(side.max_input_tokens, 40U);
  EXPECT_EQ(side.vector_size, 4U);
  folder_.write("sentence_bert_config.json", R"({"max_seq_length":30,"do_lower_case":false})");
  EXPECT_EQ(load(ModelKind::embed).max_input_tokens, 30U);
  folder_.write("sentence_bert_config.json", "{}");
  folder_.write("config.json", "{}");
  folder_.write("tokenizer_config.json", R"({"model_max_length":1000000000000000019884624838656})");
  side = load(ModelKind::embed);
  EXPECT_FALSE(side.max_input_tokens);
  EXPECT_EQ(side.vector_size, 0U);
}

TEST_F(LoadTextSide, OnlyALosslessTokenizerBoundsATextByItsBytes) {
  EXPECT_EQ(load().longest_piece_bytes, 6U);
  nlohmann::json tokenizer = byte_tokenizer(false);
  tokenizer["normalizer"] = {{"type", "NFKC"}};
  folder_.write("tokenizer.json", tokenizer.dump());
  EXPECT_FALSE(load().longest_piece_bytes);
  tokenizer = byte_tokenizer(false);
  tokenizer["added_tokens"][0]["lstrip"] = true;
  folder_.write("tokenizer.json", tokenizer.dump());
  EXPECT_FALSE(load().longest_piece_bytes);
  tokenizer = byte_tokenizer(false);
  tokenizer["pre_tokenizer"] = {{"type", "Sequence"},
                                {"pretokenizers",
                                 {{{"type", "Split"},
                                   {"pattern", {{"Regex", "\\s"}}},
                                   {"behavior", "Removed"},
                                   {"invert", false}},
                                  tokenizer["pre_tokenizer"]}}};
  folder_.write("tokenizer.json", tokenizer.dump());
  EXPECT_FALSE(load().longest_piece_bytes);
}

TEST_F(LoadTextSide, AChatTemplateIsOptional) {
  EXPECT_TRUE(load().chat_template);
  std::filesystem::remove(folder_.path() + "/chat_template.jinja");
  EXPECT_FALSE(load().chat_template);
}

}  // namespace
}  // namespace weir::serve
