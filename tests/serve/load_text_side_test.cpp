#include <gmock/gmock.h>

#include "byte_model.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

class LoadTextSide : public testing::Test {
 protected:
  void SetUp() override { write_generator(folder_); }
  TextSide load(Tasks tasks = kGenerates) { return text_side(folder_, tasks); }
  std::string refusal(Tasks tasks = kGenerates) {
    auto side = load_text_side(folder_.path(), tasks);
    return side ? "accepted" : side.error().message;
  }
  ModelFolder folder_;
};

TEST_F(LoadTextSide, EndsOfTextAreTheUnionOfTheFiles) {
  EXPECT_THAT(load().eos_ids, ElementsAre(257));
  folder_.write("tokenizer_config.json", R"({"eos_token":"<turn>"})");
  folder_.write("config.json", R"({"eos_token_id":1})");
  folder_.write("generation_config.json", R"({"eos_token_id":[5,6]})");
  EXPECT_THAT(load().eos_ids, ElementsAre(5, 6, 1, kTurn));
  folder_.write("generation_config.json", "{}");
  EXPECT_THAT(load().eos_ids, ElementsAre(1, kTurn));
  folder_.write("config.json", R"({"eos_token_id":null})");
  EXPECT_THAT(load().eos_ids, ElementsAre(kTurn));
  folder_.write("tokenizer_config.json", R"({"eos_token":{"content":"<eos>"}})");
  EXPECT_THAT(load().eos_ids, ElementsAre(kEos));
  folder_.write("tokenizer_config.json", "{}");
  EXPECT_THAT(load().eos_ids, IsEmpty());
}

TEST_F(LoadTextSide, AnEndThatStandsOnlyInTokenizerConfigIsAToken) {
  folder_.write("tokenizer_config.json", R"({"eos_token":"<|stop|>"})");
  const TextSide side = load();
  const auto ids = side.tokenizer->encode("<|stop|>", false);
  ASSERT_TRUE(ids);
  ASSERT_EQ(ids->size(), 1u);
  EXPECT_THAT(side.eos_ids, ElementsAre(257, ids->front()));
}

TEST_F(LoadTextSide, SamplingDefaults) {
  folder_.write(
      "generation_config.json",
      R"({"temperature":0.6,"top_k":20,"min_p":null,"do_sample":false,"max_new_tokens":9})");
  const GenerationDefaults defaults = load().defaults;
  EXPECT_FLOAT_EQ(*defaults.temperature, 0.6F);
  EXPECT_EQ(*defaults.top_k, 20U);
  EXPECT_EQ(*defaults.max_new_tokens, 9U);
  EXPECT_FALSE(defaults.top_p);
  EXPECT_FALSE(defaults.min_p);
  EXPECT_THAT(load().notes, IsEmpty());
}

TEST_F(LoadTextSide, ASamplingDefaultThatCannotBeUsedIsToldAndStopsNothing) {
  folder_.write("generation_config.json",
                R"({"temperature":2.5,"top_p":1.01,"min_p":"hot","top_k":-7,"max_new_tokens":0})");
  const TextSide side = load();
  EXPECT_FLOAT_EQ(*side.defaults.temperature, 2.F);
  EXPECT_FLOAT_EQ(*side.defaults.top_p, 1.F);
  EXPECT_FALSE(side.defaults.min_p);
  EXPECT_EQ(*side.defaults.top_k, 0U);
  EXPECT_FALSE(side.defaults.max_new_tokens);
  EXPECT_THAT(
      side.notes,
      ElementsAre(
          "generation_config.json: temperature is 2.5: 2 is used",
          "generation_config.json: top_p is 1.01: 1 is used",
          "generation_config.json: min_p is \"hot\": dropped, a number is wanted",
          "generation_config.json: top_k is -7: -1 is used",
          "generation_config.json: max_new_tokens is 0: dropped, 1 to 1000000000 is wanted"));
  folder_.write("generation_config.json", R"({"top_k":50.0,"max_new_tokens":2.5})");
  const TextSide whole = load();
  EXPECT_EQ(*whole.defaults.top_k, 50U);
  EXPECT_FALSE(whole.defaults.max_new_tokens);
  EXPECT_THAT(whole.notes,
              ElementsAre(HasSubstr("max_new_tokens is 2.5: dropped, a whole number is wanted")));
  folder_.write("generation_config.json", R"({"repetition_penalty":0})");
  const TextSide free = load();
  EXPECT_FALSE(free.defaults.repetition_penalty);
  EXPECT_THAT(free.notes, ElementsAre("generation_config.json: repetition_penalty is 0: dropped, "
                                      "0.001 to 1000 is wanted"));
  folder_.write("generation_config.json", R"({"repetition_penalty":1.1})");
  EXPECT_FLOAT_EQ(*load().defaults.repetition_penalty, 1.1F);
  EXPECT_THAT(load().notes, testing::IsEmpty());
  folder_.write("generation_config.json", R"({"top_p":0})");
  EXPECT_GT(*load().defaults.top_p, 0.F);
  EXPECT_LT(*load().defaults.top_p, 1e-30F);
}

TEST_F(LoadTextSide, FieldsThatAreNotAppliedAndFieldsThatNobodyKnowsAreTold) {
  folder_.write(
      "generation_config.json",
      R"({"frequency_penalty":1.1,"no_repeat_ngram_size":0,"surprise":1,"do_sample":true})");
  folder_.write("tokenizer_config.json",
                R"({"truncation_side":"left","tokenizer_class":"X","odd":1})");
  EXPECT_THAT(load().notes,
              ElementsAre("tokenizer_config.json: truncation_side is \"left\": what is cut is cut "
                          "at the right",
                          "tokenizer_config.json: not known and not read: odd",
                          "generation_config.json: frequency_penalty is 1.1: of penalties only "
                          "repetition_penalty is applied",
                          "generation_config.json: not known and not read: surprise"));
}

TEST_F(LoadTextSide, AnEndThatIsNoIdIsDroppedWithANote) {
  folder_.write("config.json", R"({"eos_token_id":true})");
  folder_.write("generation_config.json", R"({"eos_token_id":[5,"1",6]})");
  const TextSide side = load();
  EXPECT_THAT(side.eos_ids, testing::Contains(5));
  EXPECT_THAT(side.eos_ids, testing::Contains(6));
  EXPECT_THAT(side.notes,
              testing::IsSupersetOf(
                  {"generation_config.json: eos_token_id has \"1\": dropped, an id is wanted",
                   "config.json: eos_token_id has true: dropped, an id is wanted"}));
}

TEST_F(LoadTextSide, WrongFilesAreNamed) {
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
  for (const char* name : {"tokenizer.json", "generation_config.json"}) {
    std::filesystem::remove(folder_.path() + "/" + name);
    std::filesystem::create_symlink("gone", folder_.path() + "/" + name);
    EXPECT_THAT(refusal(), EndsWith(std::string(name) + " is a link to gone, which is not there"));
  }
}

TEST_F(LoadTextSide, LimitsOfAnEncoder) {
  write_encoder(folder_);
  TextSide side = load(kReads);
  EXPECT_EQ(side.max_input_tokens, 40U);
  EXPECT_EQ(side.vector_size, 4U);
  folder_.write("sentence_bert_config.json", R"({"max_seq_length":30,"do_lower_case":false})");
  EXPECT_EQ(load(kReads).max_input_tokens, 30U);
  folder_.write("sentence_bert_config.json", "{}");
  folder_.write("config.json", "{}");
  folder_.write("tokenizer_config.json", R"({"model_max_length":1000000000000000019884624838656})");
  side = load(kReads);
  EXPECT_FALSE(side.max_input_tokens);
  EXPECT_EQ(side.vector_size, 0U);
}

TEST_F(LoadTextSide, LowerCaseIsRefusedWhereTheTokenizerKeepsTheCase) {
  write_encoder(folder_);
  folder_.write("sentence_bert_config.json", R"({"do_lower_case":true})");
  EXPECT_THAT(refusal(kReads), HasSubstr("do_lower_case is true; texts keep the case"));
  nlohmann::json tokenizer = byte_tokenizer(true);
  tokenizer["normalizer"] = {{"type", "Lowercase"}};
  folder_.write("tokenizer.json", tokenizer.dump());
  EXPECT_THAT(load(kReads).notes, IsEmpty());
}

TEST_F(LoadTextSide, VectorsOfSeveralPoolingsAreAsWideAsAllOfThem) {
  write_encoder(folder_);
  folder_.write("modules.json", R"([{"type":"x.Transformer","path":""},{"type":"x.Pooling"}])");
  folder_.write("1_Pooling/config.json", R"({"pooling_mode":["mean","max","cls"]})");
  EXPECT_EQ(load(kReads).vector_size, 12U);
  folder_.write("config_sentence_transformers.json", R"({"truncate_dim":7})");
  EXPECT_EQ(load(kReads).vector_size, 7U);
}

TEST_F(LoadTextSide, TheDefaultPromptOfAnEncoder) {
  write_encoder(folder_);
  const auto prompts = [&](const char* text) {
    folder_.write("config_sentence_transformers.json", text);
    return load(kReads).prompt;
  };
  const char* named = R"({"prompts":{"query":"ask: ","none":""},"default_prompt_name":"query"})";
  EXPECT_EQ(prompts(named).text, "");  // without modules.json nobody reads the file
  folder_.write("modules.json", R"([{"type":"x.Transformer","path":""},{"type":"x.Pooling"}])");
  folder_.write("1_Pooling/config.json", R"({"pooling_mode":"mean"})");
  EXPECT_EQ(prompts(named).text, "ask: ");
  EXPECT_EQ(prompts(named).left_out, 0U);
  EXPECT_EQ(prompts(R"({"prompts":{"query":"ask: "},"default_prompt_name":null})").text, "");
  EXPECT_EQ(prompts(R"({"prompts":{"x":null},"default_prompt_name":"x"})").text, "");
  EXPECT_EQ(prompts(R"({"prompts":{"none":""},"default_prompt_name":"none"})").text, "");
  EXPECT_EQ(prompts(R"({"default_prompt_name":"document"})").text, "");
  folder_.write("1_Pooling/config.json", R"({"pooling_mode":"mean","include_prompt":false})");
  // One token begins a text, a special one ends it.
  EXPECT_EQ(prompts(named).left_out, 6U);
  folder_.write("sentence_bert_config.json", R"({"max_seq_length":5})");
  EXPECT_THAT(load(kReads).notes,
              ElementsAre("config_sentence_transformers.json: the default prompt has 7 tokens, and "
                          "an input may have 5: no text can be embedded"));
  folder_.write("config_sentence_transformers.json", R"({"default_prompt_name":"other"})");
  EXPECT_THAT(refusal(kReads), EndsWith("default_prompt_name is \"other\"; a name of "
                                        "prompts is wanted"));
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
  EXPECT_EQ(load().chat_refusal, "");
}

TEST_F(LoadTextSide, AChatTemplateThatCannotBeUsedCostsOnlyChat) {
  const auto expect_refusal = [&](const char* why) {
    const TextSide side = load();
    EXPECT_FALSE(side.chat_template);
    EXPECT_THAT(side.chat_refusal, HasSubstr(why));
    EXPECT_THAT(side.notes, ElementsAre("chat is refused: " + side.chat_refusal));
  };
  folder_.write("chat_template.jinja", "{% for m in messages %}");
  expect_refusal("chat template");
  folder_.write("chat_template.jinja", "");
  expect_refusal("chat_template.jinja is empty");
  std::filesystem::remove(folder_.path() + "/chat_template.jinja");
  folder_.write("tokenizer_config.json",
                R"({"chat_template":[{"name":"tool_use","template":"x"}]})");
  expect_refusal("no template named default, only: tool_use");
  folder_.write("tokenizer_config.json", R"({"chat_template":""})");
  expect_refusal("tokenizer_config.json: chat_template is empty");
}

}  // namespace
}  // namespace weir::serve
