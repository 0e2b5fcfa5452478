#include "app/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/command_line.h"
#include "app/foreign_flags.h"
#include "app/given.h"
#include "app/setting.h"

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

namespace weir::app {
namespace {

Result<Command> parsed(std::vector<const char*> words) {
  words.insert(words.begin(), "weir");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

std::string refusal(std::vector<const char*> words) {
  auto command = parsed(std::move(words));
  return command ? "taken" : command.error().message;
}

std::vector<std::string> flag(const Result<Command>& command, const std::string& name) {
  return command ? command->flags.at(name) : std::vector<std::string>{command.error().message};
}

TEST(Words, AFlagWithoutItsWordIsRefused) {
  EXPECT_EQ(refusal({"serve", "--api-key", "--port", "0"}),
            "--api-key needs a value; the word after it, --port, is a flag; see weir serve --help");
  EXPECT_THAT(refusal({"serve", "--host", "--port", "0"}), StartsWith("--host needs a value"));
  EXPECT_THAT(refusal({"check", "--model"}), StartsWith("--model needs a value"));
  EXPECT_THAT(refusal({"usage", "--data-dir", "--csv"}), StartsWith("--data-dir needs a value"));
  EXPECT_THAT(refusal({"serve", "--config", "--port", "0"}), StartsWith("--config needs a value"));
}

TEST(Words, AWordThatNoFlagTakesIsRefused) {
  EXPECT_EQ(refusal({"serve", "--port", "9000", "9001"}),
            "\"9001\" belongs to no flag: each flag takes one word; see weir serve --help");
  EXPECT_THAT(refusal({"serve", "--model", "a=/a", "b=/b"}), StartsWith("\"b=/b\" belongs to no"));
  EXPECT_THAT(refusal({"serve", "--insecure-no-auth", "yes"}), StartsWith("\"yes\" belongs to no"));
  EXPECT_EQ(refusal({"serve", "--require-all", "false"}),
            "\"false\" belongs to no flag: --require-all stands alone, or as --require-all=true or "
            "--require-all=false; see weir serve --help");
  EXPECT_THAT(refusal({"serve", "models"}), StartsWith("\"models\" belongs to no"));
  EXPECT_THAT(refusal({"serve", "--port", "1", "--", "2"}), HasSubstr("\"--\""));
}

TEST(Words, AListTakesOneWordEachTime) {
  auto command = parsed({"serve", "--model", "a=/a", "--port", "1", "--model=b=/b"});
  EXPECT_THAT(flag(command, "model"), ElementsAre("a=/a", "b=/b"));
  EXPECT_THAT(flag(command, "port"), ElementsAre("1"));
}

TEST(Words, BehindAnEqualsSignStandsAnything) {
  auto command = parsed({"serve", "--api-key=--port", "--host=", "--insecure-no-auth=false"});
  EXPECT_THAT(flag(command, "api-key"), ElementsAre("--port"));
  EXPECT_THAT(flag(command, "host"), ElementsAre(""));
  EXPECT_THAT(flag(command, "insecure-no-auth"), ElementsAre("false"));
  EXPECT_THAT(flag(parsed({"serve", "--api-key", "[a,b]"}), "api-key"), ElementsAre("[a,b]"));
  EXPECT_THAT(flag(parsed({"serve", "--api-key", "-x"}), "api-key"), ElementsAre("-x"));
}

TEST(Words, AnEmptyKeyByFlagIsRefused) {
  for (const char* name : {"api-key", "keys"}) {
    auto given = given_by_flags({{name, {""}}});
    ASSERT_FALSE(given) << name;
    EXPECT_EQ(given.error().message, std::string(name) + " (flag --" + name +
                                         "): it is empty; leave the flag out or give a value");
  }
}

TEST(Words, AMisspeltFlagIsToldWhatWasMeant) {
  EXPECT_EQ(refusal({"serve", "--prot", "80"}),
            "there is no flag --prot; did you mean --port?; see weir serve --help");
  EXPECT_THAT(refusal({"serve", "--max-batchtoken=1"}), HasSubstr("mean --max-batch-tokens?"));
  EXPECT_THAT(refusal({"usage", "--form", "2026-01-01"}), HasSubstr("mean --from?"));
  EXPECT_EQ(refusal({"serve", "--nonsense"}), "there is no flag --nonsense; see weir serve --help");
  EXPECT_EQ(refusal({"serve", "--kips"}), "there is no flag --kips; see weir serve --help");
}

TEST(Words, AFlagOfAnotherProgramIsAnsweredWithOurs) {
  EXPECT_EQ(refusal({"serve", "--gpu-memory-utilization", "0.9"}),
            "--gpu-memory-utilization: here --memory; see weir serve --help");
  EXPECT_THAT(refusal({"serve", "--ctx-size=4096"}),
              StartsWith("--ctx-size: here --max-model-len"));
  EXPECT_THAT(refusal({"check", "--model-id", "x"}),
              StartsWith("--model-id: here --model NAME=DIR"));
  EXPECT_THAT(refusal({"serve", "-ngl", "99"}), StartsWith("-ngl: "));
  EXPECT_THAT(refusal({"serve", "-p", "80"}), StartsWith("-p: here --port;"));
}

TEST(Words, OneLetterIsNoMisspeltOne) {
  EXPECT_EQ(refusal({"serve", "-w", "1"}), "there is no flag -w; see weir serve --help");
}

TEST(ForeignFlags, AreKnownHoweverTheirProgramTakesThem) {
  for (const char* flag : {"--enforce-eager",
                           "--swap-space",
                           "--root-path",
                           "--enable-auto-tool-choice",
                           "--tool-call-parser",
                           "--reasoning-parser",
                           "--override-generation-config",
                           "--task",
                           "--runner",
                           "--convert",
                           "--cpu-offload-gb",
                           "--flash-attn",
                           "-fa",
                           "--mmap",
                           "--no-mmap",
                           "--mlock",
                           "--rerank",
                           "--slots",
                           "--lora",
                           "--no-webui",
                           "--predict",
                           "-n",
                           "--timeout",
                           "-to",
                           "--override-kv",
                           "--default-prompt",
                           "--otlp-endpoint"})
    EXPECT_TRUE(foreign_flag(flag)) << flag;
  EXPECT_EQ(foreign_flag("--max_num_batched_tokens")->answer, "here --max-batch-tokens");
  EXPECT_THAT(std::string(foreign_flag("--speculative-config.method")->answer),
              StartsWith("here --drafts"));
  EXPECT_FALSE(foreign_flag("--nonsense"));
  EXPECT_FALSE(foreign_flag("--no-nonsense"));
}

TEST(ForeignFlags, AreNoneOfOursAndAnsweredWithOnesThatThereAre) {
  const auto is_ours = [](std::string_view name) {
    for (const Setting& setting : settings())
      if ("--" + setting.name == name) return true;
    return false;
  };
  for (const ForeignFlag& foreign : foreign_flags()) {
    EXPECT_FALSE(is_ours(foreign.flag)) << foreign.flag;
    EXPECT_FALSE(foreign.program.empty()) << foreign.flag;
    EXPECT_FALSE(foreign.answer.empty()) << foreign.flag;
    for (size_t at = 0; (at = foreign.answer.find("--", at)) != std::string::npos; ++at) {
      const size_t end = foreign.answer.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at);
      const std::string ours(foreign.answer.substr(at, end - at));
      EXPECT_TRUE(is_ours(ours)) << foreign.flag << " is answered with " << ours;
      at += ours.size() - 1;
    }
  }
}

}  // namespace
}  // namespace weir::app
