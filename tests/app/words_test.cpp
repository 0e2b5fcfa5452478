#include "app/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

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
  EXPECT_EQ(refusal({"check", "--model", "a=/a", "b=/b"}),
            "\"b=/b\" belongs to no flag: DIR stands before the flags, and each flag takes one "
            "word; see weir check --help");
  EXPECT_THAT(refusal({"check", ""}), StartsWith("\"\" belongs to no flag"));
  EXPECT_THAT(refusal({"key", "new", "a", "b"}), StartsWith("\"b\" belongs to no flag"));
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

TEST(Commands, AMisspeltOneIsToldWhatWasMeant) {
  EXPECT_EQ(refusal({"srve"}), "there is no command srve; did you mean serve?; see weir --help");
  EXPECT_THAT(refusal({"model"}), HasSubstr("did you mean models?"));
  EXPECT_THAT(refusal({"version"}), HasSubstr("did you mean --version?"));
  EXPECT_THAT(refusal({"key", "nwe", "web"}),
              HasSubstr("key: there is no command nwe; did you mean new?"));
  EXPECT_EQ(refusal({"run", "llama"}),
            "there is no command run: the commands are serve, check, chat, models, usage, key and "
            "help; see "
            "weir --help");
  EXPECT_THAT(refusal({"help", "srve"}), HasSubstr("did you mean serve?"));
}

TEST(Commands, AMissingOneIsTold) {
  EXPECT_EQ(refusal({}),
            "a command is missing: serve, check, chat, models, usage, key and help; see weir "
            "--help");
  EXPECT_EQ(refusal({"key"}), "key: a command is missing: new, hash and check; see weir --help");
  EXPECT_EQ(refusal({"key", "new"}), "NAME is required; see weir key new --help");
}

TEST(Commands, AFlagStandsBehindItsCommand) {
  EXPECT_EQ(refusal({"--port", "80"}),
            "--port is a flag of weir serve and stands behind it: weir serve --port; see weir "
            "--help");
  EXPECT_THAT(refusal({"--csv"}), HasSubstr("weir usage --csv"));
  EXPECT_EQ(refusal({"--nonsense", "serve"}), "there is no flag --nonsense; see weir --help");
  EXPECT_THAT(refusal({"key", "new", "web", "--admin"}), StartsWith("there is no flag --admin"));
}

TEST(Commands, Chat) {
  auto chat =
      parsed({"chat", "tiny", "--port", "81", "--system", "Be brief.", "--max-tokens", "7"});
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->kind, Command::Kind::chat);
  EXPECT_EQ(chat->chat.model, "tiny");
  EXPECT_EQ(chat->chat.system, "Be brief.");
  EXPECT_EQ(chat->chat.max_tokens, 7u);
  EXPECT_THAT(flag(chat, "port"), ElementsAre("81"));
  EXPECT_EQ(parsed({"chat"})->chat.max_tokens, 0u);
  for (const char* wrong : {"0", "-1", "many", "99999999"})
    EXPECT_THAT(refusal({"chat", "--max-tokens", wrong}), HasSubstr("--max-tokens")) << wrong;
  EXPECT_EQ(parsed({"models"})->kind, Command::Kind::models);
  EXPECT_EQ(parsed({"check", "--kinds"})->kind, Command::Kind::kinds);
  EXPECT_EQ(parsed({"check"})->kind, Command::Kind::check);
  EXPECT_THAT(refusal({"check", "/m", "--kinds"}), StartsWith("DIR excludes --kinds"));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) lines.push_back(line);
  return lines;
}

TEST(Help, IsTheSameByFlagAndByCommand) {
  EXPECT_THAT(parsed({"--help"})->text, HasSubstr("serve"));
  EXPECT_EQ(parsed({"help"})->text, parsed({"--help"})->text);
  EXPECT_EQ(parsed({"help", "serve"})->text, parsed({"serve", "-h"})->text);
  EXPECT_EQ(parsed({"help", "key"})->text, parsed({"key", "--help"})->text);
  EXPECT_EQ(parsed({"help", "key", "new"})->text, parsed({"key", "new", "--help"})->text);
  EXPECT_THAT(parsed({"help", "key", "new"})->text, HasSubstr("weir key new [FLAGS] NAME"));
  EXPECT_THAT(refusal({"help", "serve", "more"}), StartsWith("weir serve has no command more"));
}

TEST(Help, HasAtMost100ColumnsALine) {
  for (const std::vector<const char*>& words :
       std::vector<std::vector<const char*>>{{"help"},
                                             {"help", "serve"},
                                             {"help", "check"},
                                             {"help", "chat"},
                                             {"help", "models"},
                                             {"help", "usage"},
                                             {"help", "key"},
                                             {"help", "key", "new"}})
    for (const std::string& line : lines_of(parsed(words)->text))
      EXPECT_LE(line.size(), 100u) << line;
}

TEST(Help, HasGroupsAndNamesOfValues) {
  const std::string text = parsed({"help", "serve"})->text;
  for (const Setting& setting : settings()) {
    EXPECT_THAT(text, HasSubstr("\n" + setting.group + ":\n")) << setting.name;
    const std::string value = setting.value_word();
    EXPECT_EQ(value.empty(), setting.kind == Kind::toggle) << setting.name;
    EXPECT_THAT(text, HasSubstr("--" + setting.name + (value.empty() ? "" : " " + value)));
  }
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
