#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "app/child.h"

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

namespace weir::app {
namespace {

std::string one_line_of(const Child& child) {
  EXPECT_EQ(std::count(child.errors().begin(), child.errors().end(), '\n'), 1) << child.errors();
  return child.errors();
}

TEST(Binary, VersionAndHelp) {
  Child version({"--version"});
  EXPECT_EQ(version.wait(), 0);
  EXPECT_THAT(version.output(), MatchesRegex("weir [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  Child help({"--help"});
  EXPECT_EQ(help.wait(), 0);
  for (const char* command : {"serve", "check", "key"})
    EXPECT_THAT(help.output(), HasSubstr(command));
  Child serve({"serve", "--help"});
  EXPECT_EQ(serve.wait(), 0);
  EXPECT_THAT(serve.output(), HasSubstr("--max-batch-tokens"));
  EXPECT_THAT(serve.output(), HasSubstr("WEIR_MAX_WAIT"));
}

TEST(Binary, WrongArgumentsAreOneLineAndExitCode2) {
  Child none({});
  EXPECT_EQ(none.wait(), 2);
  EXPECT_THAT(one_line_of(none), StartsWith("weir: "));
  Child unknown({"serve", "--prot", "80"});
  EXPECT_EQ(unknown.wait(), 2);
  EXPECT_THAT(one_line_of(unknown), HasSubstr("--prot"));
  Child wrong({"serve", "--port", "99999"});
  EXPECT_EQ(wrong.wait(), 2);
  EXPECT_EQ(one_line_of(wrong),
            "weir: port (flag --port): \"99999\" is not a whole number from 0 to 65535\n");
  Child variable({"serve"}, "", {"WEIR_THREADS=many"});
  EXPECT_EQ(variable.wait(), 2);
  EXPECT_THAT(one_line_of(variable), HasSubstr("threads (env WEIR_THREADS): \"many\""));
  Child no_model({"serve"});
  EXPECT_EQ(no_model.wait(), 2);
  EXPECT_THAT(one_line_of(no_model), HasSubstr("--model NAME=DIR"));
}

TEST(Binary, CheckOfAFolderAloneSaysWhatCanBeAskedOfIt) {
  const std::string tiny = "tests/golden/tiny/";
  Child model({"check", tiny + "bert-classify", "--dtype", "float32"});
  EXPECT_EQ(model.wait(), 0) << model.output();
  EXPECT_THAT(model.output(), StartsWith("model bert-classify\n"));
  EXPECT_THAT(model.output(), HasSubstr("  dtype         float32\n"));
  EXPECT_THAT(model.output(),
              HasSubstr("  tasks         embed\n"
                        "                classify (BertForSequenceClassification), 3 labels\n"));
  Child decoder({"check", tiny + "llama-gqa-tied"});
  EXPECT_EQ(decoder.wait(), 0);
  EXPECT_THAT(decoder.output(), HasSubstr("  tasks         generate\n"));
  EXPECT_THAT(decoder.output(), testing::Not(HasSubstr("encoder")));
  Child translator({"check", "models/enja-t5"});
  EXPECT_EQ(translator.wait(), 0) << translator.output();
  EXPECT_THAT(translator.output(), HasSubstr("  encoder       takes 128 tokens\n"
                                             "  decoder       begins with token 0 (<pad>)\n"));
  EXPECT_THAT(translator.output(), testing::Not(HasSubstr("warning")));
  Child head({"check", "models/minilm-ner-crf"});
  EXPECT_EQ(head.wait(), 0);
  EXPECT_EQ(head.output(),
            "head minilm-ner-crf\n"
            "  directory     models/minilm-ner-crf\n"
            "  task          tag, 9 labels, CRF\n"
            "  labels        O, B-PER, I-PER, B-LOC, I-LOC, B-ORG, I-ORG, B-MISC, I-MISC\n"
            "  reads         words\n"
            "  max length    256 tokens\n"
            "  numbers       231667\n"
            "  made for      sentence-transformers/all-MiniLM-L6-v2 (BertModel, 384 wide)\n"
            "  it is given to that model: --model NAME=DIR,head=models/minilm-ner-crf\n");
  Child sentiment({"check", "models/minilm-sentiment"});
  EXPECT_EQ(sentiment.wait(), 0);
  EXPECT_THAT(sentiment.output(), HasSubstr("  task          classify, 2 labels\n"
                                            "  labels        negative, positive\n"));
  Child none({"check", "/nowhere"});
  EXPECT_EQ(none.wait(), 1);
  EXPECT_THAT(none.output(), HasSubstr("wrong: \"/nowhere\" is no folder"));
  Child other({"check", tiny + "bert-tag,head=models/minilm-ner-crf"});
  EXPECT_EQ(other.wait(), 1);
  EXPECT_THAT(other.output(), HasSubstr("trunk: hidden_size is 384; the model has 32"));
}

TEST(Binary, CheckOfASpoiltHeadsFolderFails) {
  const std::string folder = testing::TempDir() + "/weir_head_" + std::to_string(getpid());
  std::filesystem::copy("models/minilm-sentiment", folder);
  std::filesystem::resize_file(folder + "/head.safetensors", 3000);
  Child cut({"check", folder});
  EXPECT_EQ(cut.wait(), 1);
  EXPECT_THAT(cut.output(), StartsWith("wrong: " + folder + "/head.safetensors"));
  std::filesystem::remove_all(folder);
}

TEST(Binary, CheckSaysWhereEachValueCameFrom) {
  std::string path = testing::TempDir() + "/weir_check_" + std::to_string(getpid()) + ".toml";
  std::ofstream(path) << "# mine\nmax-num-seqs = 9\nport = 1\n";
  Child check({"check", "--port", "81", "--model", "x=/nowhere"}, "",
              {"WEIR_CONFIG=" + path, "WEIR_API_KEY=hunter2", "WEIR_PROT=80"});
  EXPECT_EQ(check.wait(), 1) << "a model is wrong";
  EXPECT_THAT(check.output(), testing::ContainsRegex("port +\\= 81 +\\(flag --port\\)"));
  EXPECT_THAT(check.output(), testing::ContainsRegex("max-num-seqs +\\= 9 +\\(" + path + ":2\\)"));
  EXPECT_THAT(check.output(),
              testing::ContainsRegex("api-key +\\= \\(set\\) +\\(env WEIR_API_KEY\\)"));
  EXPECT_THAT(check.output(), testing::ContainsRegex("host +\\= 127.0.0.1 +\\(default\\)"));
  EXPECT_THAT(check.output(), HasSubstr("wrong: model x: \"/nowhere\" is no folder"));
  EXPECT_THAT(check.output(), HasSubstr("WEIR_PROT is no setting and does nothing"));
  EXPECT_THAT(check.output(), testing::Not(HasSubstr("hunter2")));
  std::remove(path.c_str());
}

TEST(Binary, CheckReadsTheTextSideAndPrintsWhatALoadTells) {
  const std::string folder = testing::TempDir() + "/weir_checked_" + std::to_string(getpid());
  std::filesystem::copy("tests/golden/tiny/llama-gqa-tied", folder);
  std::ofstream(folder + "/generation_config.json")
      << R"({"eos_token_id": 999999, "temperature": 2.5})";
  Child told({"check", "--model", "x=" + folder});
  EXPECT_EQ(told.wait(), 0) << told.output();
  EXPECT_THAT(told.output(), HasSubstr("warning: the end of text 999999 is dropped"));
  EXPECT_THAT(told.output(), HasSubstr("temperature is 2.5: 2 is used"));
  std::filesystem::remove(folder + "/tokenizer.json");
  Child wrong({"check", "--model", "x=" + folder});
  EXPECT_EQ(wrong.wait(), 1);
  EXPECT_THAT(wrong.output(), HasSubstr("wrong: model x: the model folder has no tokenizer.json"));
  std::filesystem::remove_all(folder);
}

TEST(Binary, AKeyWhoseLinesCannotBeWrittenIsNotShown) {
  Child full({"key", "new", "web"}, "", {}, "exec >/dev/full");
  EXPECT_EQ(full.wait(), 1);
  EXPECT_EQ(one_line_of(full),
            "weir: standard output cannot be written: No space left on device\n");
}

TEST(Binary, CheckTellsWhatAutoComesTo) {
  Child check({"check", "--threads", "0", "--model", "x=tests/golden/tiny/llama-gqa-tied"});
  EXPECT_EQ(check.wait(), 0) << check.output();
  EXPECT_THAT(check.output(), testing::ContainsRegex("memory +\\= auto"));
  EXPECT_THAT(check.output(), testing::ContainsRegex("  device +[a-z]+, [1-9][0-9]* threads"));
  EXPECT_THAT(check.output(), testing::ContainsRegex("  memory +[1-9][0-9]* MiB for keys and"));
}

TEST(Binary, AHostThatNobodyKnowsIsToldWithTheReason) {
  Child serve({"serve", "--host", "nonsense.invalid", "--api-key", "x", "--port", "0", "--model",
               "x=tests/golden/tiny/bert-mean"});
  EXPECT_EQ(serve.wait(), 1);
  EXPECT_THAT(serve.errors(),
              testing::ContainsRegex("cannot listen on nonsense.invalid port 0: [A-Z]"));
}

TEST(Binary, AKeyThatIsMadeIsInTheFileItMakes) {
  Child fresh({"key", "new", "web"});
  ASSERT_EQ(fresh.wait(), 0);
  const std::string toml = fresh.output();
  const std::string secret = one_line_of(fresh).substr(0, fresh.errors().size() - 1);
  EXPECT_THAT(secret, MatchesRegex("sk-weir-[A-Za-z0-9_-]+"));
  EXPECT_THAT(toml, testing::Not(HasSubstr(secret)));

  Child hash({"key", "hash"}, secret + "\n");
  ASSERT_EQ(hash.wait(), 0);
  EXPECT_THAT(toml,
              HasSubstr("hash = \"" + hash.output().substr(0, hash.output().size() - 1) + "\""));

  std::string path = testing::TempDir() + "/weir_keys_" + std::to_string(getpid()) + ".toml";
  std::ofstream(path) << toml;
  Child good({"key", "check", path});
  EXPECT_EQ(good.wait(), 0);
  EXPECT_THAT(good.output(), HasSubstr("keys 1"));
  std::ofstream(path) << toml << "prio = 3\n";
  Child wrong({"key", "check", path});
  EXPECT_EQ(wrong.wait(), 1);
  EXPECT_THAT(one_line_of(wrong), HasSubstr(path + ":4: key: unknown field \"prio\""));
  std::remove(path.c_str());

  Child unnamed({"key", "new", "a b"});
  EXPECT_EQ(unnamed.wait(), 2);
  Child empty({"key", "hash"}, "\n");
  EXPECT_EQ(empty.wait(), 2);
}

}  // namespace
}  // namespace weir::app
