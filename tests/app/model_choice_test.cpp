#include "app/model_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using testing::HasSubstr;

namespace weir::app {
namespace {

namespace fs = std::filesystem;

class ModelChoiceTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("weir_models_" + std::to_string(::getpid()));
    fs::remove_all(root_);
    for (const char* name : {"b-model", "a-model"}) {
      fs::create_directories(root_ / name);
      std::ofstream(root_ / name / "config.json") << "{}";
    }
    fs::create_directories(root_ / "no-model");
    config_.dtype = "auto";
    config_.max_model_len = 512;
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string error() { return choose_models(config_).error().message; }

  fs::path root_;
  Config config_;
};

TEST_F(ModelChoiceTest, NameAndFolderAndOptions) {
  auto plain = parse_model("smol=/m/smollm2", config_);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->name, "smol");
  EXPECT_EQ(plain->directory, "/m/smollm2");
  EXPECT_EQ(plain->dtype, "auto");
  EXPECT_EQ(plain->max_model_len, 512u);
  auto full = parse_model("smol=/m/smollm2,dtype=float32,max-model-len=99", config_);
  ASSERT_TRUE(full);
  EXPECT_EQ(full->directory, "/m/smollm2");
  EXPECT_EQ(full->dtype, "float32");
  EXPECT_EQ(full->max_model_len, 99u);
}

TEST_F(ModelChoiceTest, AFolderAloneGivesItsName) {
  EXPECT_EQ(parse_model("/m/smollm2/", config_)->name, "smollm2");
  EXPECT_EQ(parse_model("smollm2,dtype=bfloat16", config_)->name, "smollm2");
  EXPECT_EQ(parse_model("./a=b", config_)->name, "a=b");
  EXPECT_EQ(parse_model(".", config_)->name, fs::current_path().filename());
}

TEST_F(ModelChoiceTest, ANameMayHoldSlashesAsOnHubs) {
  auto hub = parse_model("meta-llama/Llama-3.2-1B=/m/llama,dtype=float32", config_);
  ASSERT_TRUE(hub) << hub.error().message;
  EXPECT_EQ(hub->name, "meta-llama/Llama-3.2-1B");
  EXPECT_EQ(hub->directory, "/m/llama");
  EXPECT_EQ(hub->dtype, "float32");
  EXPECT_EQ(parse_model("/m/a=b", config_)->directory, "/m/a=b");
  EXPECT_EQ(parse_model("../a=b", config_)->directory, "../a=b");
  // What is a folder as it stands is no name.
  fs::create_directories(root_ / "x" / "a=b");
  const fs::path relative = fs::relative(root_ / "x" / "a=b");
  EXPECT_EQ(parse_model(relative, config_)->name, "a=b");
}

TEST_F(ModelChoiceTest, AFolderInQuotesMayHoldCommas) {
  auto quoted = parse_model(R"(x="/m/a, b=c",dtype=float32)", config_);
  ASSERT_TRUE(quoted) << quoted.error().message;
  EXPECT_EQ(quoted->name, "x");
  EXPECT_EQ(quoted->directory, "/m/a, b=c");
  EXPECT_EQ(quoted->dtype, "float32");
  EXPECT_EQ(parse_model(R"("/m/a,b")", config_)->name, "a,b");
  EXPECT_EQ(parse_model("x=/m/two words", config_)->directory, "/m/two words");
  EXPECT_THAT(parse_model(R"(x="/m/a)", config_).error().message, HasSubstr("is not NAME=DIR"));
  EXPECT_THAT(parse_model(R"(x="/m/a"b)", config_).error().message,
              HasSubstr("a folder with a comma stands in double quotes"));
  EXPECT_THAT(parse_model("/m/two words", config_).error().message,
              HasSubstr("\"two words\" is no good name; give it one: NAME=/m/two words"));
}

TEST_F(ModelChoiceTest, HeadsAreFoldersInTheOrderGiven) {
  auto choice = parse_model(R"(x=/m,head=/h/one,dtype=float32,head="/h/a, b")", config_);
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_THAT(choice->heads, testing::ElementsAre("/h/one", "/h/a, b"));
  EXPECT_EQ(choice->dtype, "float32");
  EXPECT_THAT(parse_model("/m", config_)->heads, testing::IsEmpty());
  for (const char* text : {"x=/m,head=", R"(x=/m,head=")", R"(x=/m,head="/h)", R"(x=/m,head=a"b)"})
    EXPECT_THAT(parse_model(text, config_).error().message, HasSubstr("is no folder")) << text;
  EXPECT_THAT(parse_model("x=/m,heads=/h", config_).error().message,
              HasSubstr("option \"heads=/h\" is not dtype=..., max-model-len=... or head=..."));
}

TEST_F(ModelChoiceTest, HiddenFoldersAreNoModels) {
  fs::create_directories(root_ / ".ipynb_checkpoints");
  std::ofstream(root_ / ".ipynb_checkpoints" / "config.json") << "{}";
  config_.models_dir = root_;
  auto choices = choose_models(config_);
  ASSERT_TRUE(choices);
  EXPECT_EQ(choices->models.size(), 2u);
}

TEST_F(ModelChoiceTest, AFolderWithoutAGoodNameIsSkippedWithAWord) {
  for (const char* name : {"with blank", "a,b",
                           "gr\xc3\xbc"
                           "n, x"}) {
    fs::create_directories(root_ / name);
    std::ofstream(root_ / name / "config.json") << "{}";
  }
  config_.models_dir = root_;
  auto choices = choose_models(config_);
  ASSERT_TRUE(choices) << choices.error().message;
  ASSERT_EQ(choices->models.size(), 3u);
  EXPECT_EQ(choices->models[0].name, "a,b");
  const std::string blank = root_ / "with blank", comma = root_ / "gr\xc3\xbcn, x";
  EXPECT_THAT(choices->skipped,
              testing::UnorderedElementsAre(
                  HasSubstr("\"" + blank +
                            "\" is not served: its name is none for a model; give it "
                            "one: --model 'NAME=" +
                            blank + "'"),
                  HasSubstr("--model 'NAME=\"" + comma + "\"'")));
  for (const std::string& advice : {"x=" + blank, "x=\"" + comma + "\""})
    EXPECT_TRUE(check_folder(*parse_model(advice, config_))) << advice;
}

TEST_F(ModelChoiceTest, AModelMayLieInItsModulesFolder) {
  fs::create_directories(root_ / "c-model" / "0_Transformer");
  std::ofstream(root_ / "c-model" / "modules.json")
      << R"([{"type":"sentence_transformers.models.Transformer","path":"0_Transformer"}])";
  std::ofstream(root_ / "c-model" / "0_Transformer" / "config.json") << "{}";
  config_.models_dir = root_;
  auto choices = choose_models(config_);
  ASSERT_TRUE(choices);
  ASSERT_EQ(choices->models.size(), 3u);
  EXPECT_EQ(choices->models[2].name, "c-model");
}

TEST_F(ModelChoiceTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(parse_model("=/m", config_).error().message,
              HasSubstr("model: \"=/m\" is not NAME=DIR"));
  EXPECT_THAT(parse_model("a=", config_).error().message, HasSubstr("\"a=\""));
  EXPECT_THAT(parse_model("a=/m,dtype=int8", config_).error().message,
              HasSubstr("dtype: \"int8\" is not one of auto, float32, bfloat16"));
  EXPECT_THAT(parse_model("a=/m,type=float32", config_).error().message,
              HasSubstr("option \"type=float32\""));
  EXPECT_THAT(parse_model("a=/m,dtype=auto,dtype=float32", config_).error().message,
              HasSubstr("dtype is given twice"));
  EXPECT_THAT(parse_model(R"("/m/a, b")", config_).error().message,
              HasSubstr("give it one: NAME=\"/m/a, b\""));
  EXPECT_THAT(parse_model("a=/m,x", config_).error().message, HasSubstr("option \"x\""));
  EXPECT_FALSE(parse_model("a b=/m", config_));
}

TEST_F(ModelChoiceTest, AFolderOfModels) {
  config_.models_dir = root_;
  auto choices = choose_models(config_);
  ASSERT_TRUE(choices);
  ASSERT_EQ(choices->models.size(), 2u);
  EXPECT_EQ(choices->models[0].name, "a-model");
  EXPECT_EQ(choices->models[1].name, "b-model");
  EXPECT_EQ(choices->models[1].directory, root_ / "b-model");
}

TEST_F(ModelChoiceTest, AFolderThatIsItselfAModel) {
  config_.models_dir = root_ / "a-model";
  auto choices = choose_models(config_);
  ASSERT_TRUE(choices);
  ASSERT_EQ(choices->models.size(), 1u);
  EXPECT_EQ(choices->models[0].name, "a-model");
}

TEST_F(ModelChoiceTest, AFolderWithoutModelsSaysWhatToMount) {
  config_.models_dir = "/nowhere";
  EXPECT_EQ(
      error(),
      "models-dir: \"/nowhere\" is not there; in a container mount Hugging Face models there: "
      "docker run -v DIR:/nowhere:ro");
  config_.models_dir = root_ / "no-model";
  EXPECT_THAT(error(), HasSubstr("no sub-folder that has one; in a container mount"));
  config_.models_dir = root_ / "a-model" / "config.json";
  EXPECT_THAT(error(), HasSubstr("cannot be read: Not a directory"));
}

TEST_F(ModelChoiceTest, SaysWhatIsWrong) {
  EXPECT_THAT(error(), HasSubstr("give --model NAME=DIR or --models-dir DIR"));
  config_.models = {"x=" + (root_ / "no-model").string()};
  EXPECT_THAT(error(),
              HasSubstr("model x: \"" + (root_ / "no-model").string() + "\" has no config.json"));
  const fs::path config = root_ / "no-model" / "config.json";
  const auto wrong = [&] { return "model x: " + config.string() + " is "; };
  fs::create_directories(config);
  EXPECT_EQ(error(), wrong() + "a folder, not a regular file");
  fs::remove(config);
  fs::create_symlink("gone", config);
  EXPECT_EQ(error(), wrong() + "a link to gone, which is not there");
  fs::remove(config);
  config_.models = {"x=/nowhere"};
  EXPECT_THAT(error(), HasSubstr("model x: \"/nowhere\" is no folder"));
  config_.models = {"x=" + (root_ / "a-model").string(), "x=" + (root_ / "b-model").string()};
  EXPECT_THAT(error(), HasSubstr("two are named \"x\""));
  config_.models = {};
  config_.models_dir = root_ / "no-model";
  EXPECT_THAT(error(), HasSubstr("has no config.json and no sub-folder that has one"));
  fs::create_directories(root_ / "no-model" / "two words");
  std::ofstream(root_ / "no-model" / "two words" / "config.json") << "{}";
  EXPECT_THAT(error(), HasSubstr("two words\" is not served: its name is none for a model; give it "
                                 "one: --model 'NAME="));
}

}  // namespace
}  // namespace weir::app
