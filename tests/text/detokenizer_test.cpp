#include <random>

#include "text/golden.h"
#include "weir/text/tokenizer.h"

namespace weir::text {
namespace {

const std::string kReplacement = "\xef\xbf\xbd";

std::shared_ptr<const Tokenizer> load(const std::string& folder) {
  auto loaded = Tokenizer::load(folder);
  EXPECT_TRUE(loaded) << loaded.error().message;
  return *loaded;
}

/// The token of one byte in a byte-level vocabulary: the bytes that print stand for themselves, the
/// others, in order, for U+0100 and up.
int32_t byte_token(const Tokenizer& tokenizer, uint8_t byte) {
  int32_t next = 0x100;
  for (int other = 0; other < 256; ++other) {
    const bool prints =
        (other >= '!' && other <= '~') || (other >= 0xa1 && other <= 0xac) || other >= 0xae;
    const int32_t letter = prints ? other : next++;
    if (other != byte) continue;
    std::string spelt;
    if (letter < 0x80) {
      spelt = static_cast<char>(letter);
    } else {
      spelt = {static_cast<char>(0xc0 | letter >> 6), static_cast<char>(0x80 | (letter & 0x3f))};
    }
    return *tokenizer.id(spelt);
  }
  return -1;
}

std::vector<int32_t> byte_tokens(const Tokenizer& tokenizer, std::string_view bytes) {
  std::vector<int32_t> ids;
  for (const char byte : bytes) ids.push_back(byte_token(tokenizer, static_cast<uint8_t>(byte)));
  return ids;
}

struct Streamed {
  std::string text;
  size_t longest_wait = 0;
};

Streamed stream(Detokenizer& detokenizer, const std::vector<int32_t>& ids) {
  Streamed result;
  size_t wait = 0;
  for (const int32_t id : ids) {
    const auto piece = detokenizer.step(id);
    wait = piece.empty() ? wait + 1 : 0;
    result.longest_wait = std::max(result.longest_wait, wait);
    result.text += piece;
  }
  result.text += detokenizer.flush();
  return result;
}

std::string repeated(const std::string& unit, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += unit;
  return text;
}

TEST(Detokenizer, HoldsACharacterUntilItsLastByte) {
  const auto tokenizer = load(kGoldens + "tiny");
  Detokenizer detokenizer(tokenizer, true);
  std::vector<std::string> pieces;
  for (const int32_t id : byte_tokens(*tokenizer, "é😀x")) pieces.push_back(detokenizer.step(id));
  EXPECT_EQ(pieces, (std::vector<std::string>{"", "é", "", "", "", "😀", "x"}));
  EXPECT_EQ(detokenizer.flush(), "");
}

TEST(Detokenizer, FlushGivesTheBytesThatAreNoCharacter) {
  const auto tokenizer = load(kGoldens + "tiny");
  Detokenizer detokenizer(tokenizer, true);
  EXPECT_EQ(stream(detokenizer, byte_tokens(*tokenizer, "a\xf0\x9f\x98")).text, "a" + kReplacement);
  EXPECT_EQ(detokenizer.flush(), "") << "a flush leaves nothing behind";
  EXPECT_EQ(stream(detokenizer, byte_tokens(*tokenizer, "again")).text, "again");
}

TEST(Detokenizer, KeepsItsTokenizerAlive) {
  auto tokenizer = load(kGoldens + "tiny");
  const auto ids = byte_tokens(*tokenizer, "é");
  Detokenizer first(tokenizer, true);
  tokenizer.reset();
  EXPECT_EQ(first.step(ids[0]), "");
  Detokenizer moved = std::move(first);
  EXPECT_EQ(moved.step(ids[1]), "é");
}

TEST(Detokenizer, BytesThatNeverBecomeACharacterDoNotWaitForEver) {
  const auto tokenizer = load(kGoldens + "tiny");
  Detokenizer detokenizer(tokenizer, true);
  const auto lone = stream(detokenizer, byte_tokens(*tokenizer, repeated("\x80", 200) + "a"));
  EXPECT_EQ(lone.text, repeated(kReplacement, 200) + "a");
  EXPECT_LE(lone.longest_wait, 16U);
  for (int count = 60; count < 70; ++count) {
    const std::string text = repeated(kReplacement, count) + "😀é" + repeated(kReplacement, count);
    const auto literal = stream(detokenizer, byte_tokens(*tokenizer, text));
    EXPECT_EQ(literal.text, text) << count;
    EXPECT_LE(literal.longest_wait, 16U);
  }
}

TEST(Detokenizer, AnyTokensStreamToWhatTheWholeDecodes) {
  std::mt19937 random(7);
  for (const std::string& folder : {kGoldens + "tiny", kModels + "smollm2-135m-instruct"}) {
    if (!std::filesystem::exists(folder))
      GTEST_SKIP() << folder << ": scripts/get_models brings it";
    const auto tokenizer = load(folder);
    for (int round = 0; round < 200; ++round) {
      // Half of the tokens from the first 400, where the single bytes are.
      const int32_t highest = round % 2 == 0 ? 400 : tokenizer->vocabulary_size();
      std::vector<int32_t> ids(60);
      for (auto& id : ids) id = std::uniform_int_distribution(0, highest - 1)(random);
      for (const bool skip_special : {false, true}) {
        Detokenizer detokenizer(tokenizer, skip_special);
        EXPECT_EQ(stream(detokenizer, ids).text, *tokenizer->decode(ids, skip_special));
      }
    }
  }
}

TEST(Detokenizer, ACompletionIsTheWholeTextLessItsPrompts) {
  const Json goldens = golden("continuations.json");
  std::map<std::string, std::shared_ptr<const Tokenizer>> tokenizers;
  for (const auto& [name, json] : goldens["tokenizers"].items())
    tokenizers[name] = load(Folder({{"tokenizer.json", json.dump()}}).path());
  for (const auto& line : goldens["cases"]) {
    const auto prompt = line["prompt"].get<std::vector<int32_t>>();
    Detokenizer detokenizer(tokenizers[line["tokenizer"]], line["skip"].get<bool>(), prompt);
    EXPECT_EQ(stream(detokenizer, line["completion"].get<std::vector<int32_t>>()).text,
              line["text"].get<std::string>())
        << line;
  }
}

TEST(Detokenizer, OfALongPromptOnlyTheEndIsRead) {
  const auto tokenizer = load(kGoldens + "tiny");
  std::vector<int32_t> prompt(500'000, byte_token(*tokenizer, 'x'));
  // To decode all of it for each completion would take minutes.
  for (int i = 0; i < 2'000; ++i) {
    Detokenizer detokenizer(tokenizer, true, prompt);
    ASSERT_EQ(detokenizer.step(prompt[0]), "x");
  }
  prompt.assign(3, -1);
  Detokenizer detokenizer(tokenizer, true, prompt);
  EXPECT_EQ(detokenizer.step(byte_token(*tokenizer, 'y')), "y") << "ids that no token has";
}

TEST(Detokenizer, APromptThatEndsInManySpacesKeepsTheNextOne) {
  Json file = Json::parse(file_text(kGoldens + "tiny/tokenizer.json"));
  const Json strip = {{"type", "Strip"}, {"content", " "}, {"start", 1000}, {"stop", 0}};
  file["decoder"] = {{"type", "Sequence"}, {"decoders", {file["decoder"], strip}}};
  const auto tokenizer = load(Folder({{"tokenizer.json", file.dump()}}).path());
  // More of them than the window holds: alone they decode to nothing.
  Detokenizer detokenizer(tokenizer, true, byte_tokens(*tokenizer, "a" + std::string(30, ' ')));
  EXPECT_EQ(stream(detokenizer, byte_tokens(*tokenizer, " b")).text, " b");
}

TEST(Detokenizer, ALongRunOfBytesInAPromptIsCutBetweenCharacters) {
  const auto tokenizer = load(kGoldens + "tiny_fallback");
  std::vector<int32_t> prompt;
  for (int i = 0; i < 200; ++i) {
    for (const char* piece : {"<0xE6>", "<0xB0>", "<0xB4>"})
      prompt.push_back(*tokenizer->id(piece));
  }
  Detokenizer detokenizer(tokenizer, true, prompt);
  EXPECT_EQ(stream(detokenizer, {prompt.begin(), prompt.begin() + 3}).text, "水");
}

TEST(Detokenizer, ByteFallbackThatRewritesItsPastLosesNothingAfter) {
  const auto tokenizer = load(kGoldens + "tiny_fallback");
  std::vector<int32_t> ids;
  for (const char* piece :
       {"<0xE6>", "<0xB0>", "<0xB4>", "<0xE6>", "a", "<0xE6>", "<0xB0>", "<0xB4>", "b"}) {
    ids.push_back(*tokenizer->id(piece));
  }
  Detokenizer detokenizer(tokenizer, true);
  EXPECT_EQ(stream(detokenizer, ids).text, "水" + kReplacement + "a水b");
}

TEST(Detokenizer, LongCompletionsStayCheap) {
  const auto tokenizer = load(kGoldens + "tiny");
  const int32_t special = *tokenizer->id("<|im_end|>");
  Detokenizer detokenizer(tokenizer, true);
  // Tokens without text must not pile up in the window: this would take minutes.
  for (int i = 0; i < 200'000; ++i) ASSERT_EQ(detokenizer.step(special), "");
  EXPECT_EQ(stream(detokenizer, byte_tokens(*tokenizer, "end")).text, "end");
}

}  // namespace
}  // namespace weir::text
