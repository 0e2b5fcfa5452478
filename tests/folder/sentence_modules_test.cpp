#include "weir/folder/sentence_modules.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace weir::folder {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SentenceModulesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "weir-folder-XXXXXX").string();
    ASSERT_TRUE(::mkdtemp(name.data()));
    path_ = name;
  }
  void TearDown() override { fs::remove_all(path_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(path_ + '/' + name).parent_path());
    std::ofstream(path_ + '/' + name) << text;
  }
  void pooling(const std::string& config) {
    write("modules.json", R"([{"type":"a.Transformer","path":""},{"type":"a.Pooling"}])");
    write("1_Pooling/config.json", config);
  }
  SentenceModules read() {
    auto modules = read_sentence_modules(path_);
    if (!modules) ADD_FAILURE() << modules.error().message;
    return modules && *modules ? **modules : SentenceModules{};
  }
  std::string refusal() {
    auto modules = read_sentence_modules(path_);
    return modules ? "accepted" : modules.error().message;
  }

  std::string path_;
};

TEST_F(SentenceModulesTest, AFolderWithoutModulesSaysNothing) {
  auto modules = read_sentence_modules(path_);
  ASSERT_TRUE(modules);
  EXPECT_FALSE(*modules);
}

TEST_F(SentenceModulesTest, EverySpellingOfAPooling) {
  pooling(R"({"embedding_dimension":48,"pooling_mode":"mean","include_prompt":true})");
  EXPECT_THAT(read().pooling, ElementsAre(PoolingMode::mean));
  EXPECT_THAT(read().notes, IsEmpty());
  pooling(R"({"pooling_mode":["lasttoken","weightedmean"]})");
  EXPECT_THAT(read().pooling, ElementsAre(PoolingMode::lasttoken, PoolingMode::weightedmean));
  pooling(R"({"pooling_mode_lasttoken":true,"pooling_mode_cls_token":true})");
  EXPECT_THAT(read().pooling, ElementsAre(PoolingMode::cls, PoolingMode::lasttoken));
  pooling(R"({"pooling_mode_cls_token":true,"pooling_mode":"max"})");
  EXPECT_THAT(read().pooling, ElementsAre(PoolingMode::max));
  pooling(R"({"pooling_mode_mean_tokens":false})");
  EXPECT_THAT(read().pooling, ElementsAre(PoolingMode::mean));
}

TEST_F(SentenceModulesTest, APoolingThatDoesNotExistIsRefused) {
  pooling(R"({"pooling_mode":"median"})");
  EXPECT_THAT(refusal(), HasSubstr("1_Pooling/config.json: pooling_mode is \"median\""));
  pooling(R"({"pooling_mode":["mean",3]})");
  EXPECT_THAT(refusal(), HasSubstr("pooling_mode is [\"mean\",3]"));
  pooling(R"({"output_key":"token_embeddings"})");
  EXPECT_THAT(refusal(), HasSubstr("output_key is \"token_embeddings\": a text has one vector"));
  pooling(R"({"surprise":1})");
  EXPECT_THAT(read().notes, ElementsAre("1_Pooling/config.json: not known and not read: surprise"));
}

TEST_F(SentenceModulesTest, ModulesWorkOneAfterAnother) {
  write("1_Pooling/config.json", R"({"pooling_mode":"cls"})");
  write("3_Pooling/config.json", R"({"pooling_mode":"max","include_prompt":false})");
  write("modules.json",
        R"([{"type":"Pooling"},{"type":"Normalize"},{"type":"Pooling","path":"3_Pooling"}])");
  SentenceModules modules = read();
  EXPECT_THAT(modules.pooling, ElementsAre(PoolingMode::max));
  EXPECT_FALSE(modules.normalize);
  EXPECT_FALSE(modules.include_prompt);
  write("modules.json", R"([{"type":"Pooling"},{"type":"Dropout"},{"type":"Normalize"}])");
  modules = read();
  EXPECT_TRUE(modules.normalize);
  EXPECT_TRUE(modules.include_prompt);
}

TEST_F(SentenceModulesTest, VectorsMayBeCut) {
  pooling("{}");
  EXPECT_FALSE(read().truncate_dim);
  write("config_sentence_transformers.json", R"({"truncate_dim":7})");
  EXPECT_EQ(read().truncate_dim, 7u);
  write("config_sentence_transformers.json", R"({"truncate_dim":0})");
  EXPECT_THAT(refusal(), HasSubstr("truncate_dim is 0"));
}

TEST_F(SentenceModulesTest, WhatCannotBeDoneIsRefusedByName) {
  write("modules.json", R"([{"type":"sentence_transformers.models.Dense","path":"2_Dense"}])");
  EXPECT_THAT(refusal(), HasSubstr("module sentence_transformers.models.Dense is not supported"));
  write("modules.json", R"([{"type":"a.Pooling","path":"../other"}])");
  EXPECT_THAT(refusal(), HasSubstr("path is \"../other\"; a folder inside"));
  write("modules.json", R"([{"type":"a.Normalize","path":"2_Normalize"}])");
  write("2_Normalize/config.json", R"({"module_input_name":"token_embeddings"})");
  EXPECT_THAT(refusal(), HasSubstr("module_input_name is \"token_embeddings\""));
  write("modules.json", "{}");
  EXPECT_THAT(refusal(), HasSubstr("modules.json is not a JSON array"));
}

TEST_F(SentenceModulesTest, TheModelsOwnFilesMayLieInAFolderOfTheirModule) {
  EXPECT_EQ(transformer_folder(path_), path_);
  write("modules.json", R"([{"type":"a.Transformer","path":"0_Transformer"}])");
  EXPECT_EQ(transformer_folder(path_), path_);
  write("0_Transformer/config.json", "{}");
  EXPECT_EQ(transformer_folder(path_), path_ + "/0_Transformer");
  write("modules.json", R"([{"type":"a.Transformer","path":"../x"}])");
  EXPECT_EQ(transformer_folder(path_), path_);
}

}  // namespace
}  // namespace weir::folder
