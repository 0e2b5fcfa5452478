#include "text/golden.h"
#include "weir/text/tokenizer.h"

namespace weir::text {
namespace {

std::shared_ptr<const Tokenizer> load(const std::string& folder) {
  auto loaded = Tokenizer::load(folder);
  EXPECT_TRUE(loaded) << loaded.error().message;
  return *loaded;
}

/// A tokenizer of these words, with `decoder`; "<s>" is added and special.
std::shared_ptr<const Tokenizer> with_decoder(const std::vector<std::string>& words,
                                              const Json& decoder) {
  Json vocabulary = Json::object();
  for (size_t i = 0; i < words.size(); ++i) vocabulary[words[i]] = i;
  Json added = {{"id", words.size()}, {"content", "<s>"}, {"single_word", false},
                {"lstrip", false},    {"rstrip", false},  {"normalized", false},
                {"special", true}};
  const Json tokenizer = {
      {"version", "1.0"},
      {"added_tokens", Json::array({added})},
      {"decoder", decoder},
      {"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", words[0]}}}};
  const Folder folder({{"tokenizer.json", tokenizer.dump()}});
  return load(folder.path());
}

std::vector<std::string> all_bytes(const Tokenizer& tokenizer) {
  std::vector<std::string> bytes;
  for (int32_t id = 0; id < tokenizer.vocabulary_size(); ++id)
    bytes.push_back(tokenizer.token_bytes(id));
  return bytes;
}

using Strings = std::vector<std::string>;

TEST(TokenBytes, JoinedTheyAreTheText) {
  for (const char* folder : {"tiny", "tiny_fallback"}) {
    const auto tokenizer = load(kGoldens + folder);
    for (const std::string text : {"é😀 x\n\ty", "日本語 Straße", " two  spaces ", "\x01\x7f"}) {
      std::string joined;
      const auto ids = tokenizer->encode(text, false);
      ASSERT_TRUE(ids);
      for (const int32_t id : *ids) joined += tokenizer->token_bytes(id);
      // SentencePiece puts a space before a text, which is no part of it.
      EXPECT_EQ(joined, std::string(folder) == "tiny" ? text : ' ' + text);
    }
  }
}

TEST(TokenBytes, OfAByteLevelVocabularyAreSingleBytes) {
  const auto tokenizer = load(kGoldens + "tiny");
  const auto ids = *tokenizer->encode("\u00ff", false);  // no merge makes it one token
  ASSERT_EQ(ids.size(), 2U);
  EXPECT_EQ(tokenizer->token_bytes(ids[0]), "\xc3");
  EXPECT_EQ(tokenizer->token_bytes(ids[1]), "\xbf");
  EXPECT_EQ(tokenizer->token_bytes(*tokenizer->id("<|im_end|>")), "<|im_end|>");
  EXPECT_EQ(tokenizer->token_bytes(*tokenizer->id("日本語")), "日本語");
}

TEST(TokenBytes, OfByteFallbackAreSingleBytes) {
  const auto tokenizer = load(kGoldens + "tiny_fallback");
  EXPECT_EQ(tokenizer->token_bytes(*tokenizer->id("<0xE2>")), "\xe2");
  EXPECT_EQ(tokenizer->token_bytes(*tokenizer->id("<0x0A>")), "\n");
  EXPECT_EQ(tokenizer->token_bytes(*tokenizer->id("</s>")), "</s>");
}

TEST(TokenBytes, OfMetaspaceHaveTheirSpace) {
  const auto tokenizer = with_decoder(
      {"▁the", "er", "▁", "<0x41>"},
      {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}, {"split", true}});
  EXPECT_EQ(all_bytes(*tokenizer), (Strings{" the", "er", " ", "<0x41>", "<s>"}));
}

TEST(TokenBytes, OfWordPieceHaveTheSpaceOfWords) {
  const auto tokenizer = with_decoder({"the", "##ing", ","},
                                      {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}});
  EXPECT_EQ(all_bytes(*tokenizer), (Strings{" the", "ing", ",", "<s>"}));
}

TEST(TokenBytes, OfWordEndsHaveTheSpaceBehindThem) {
  const auto tokenizer =
      with_decoder({"the</w>", "er"}, {{"type", "BPEDecoder"}, {"suffix", "</w>"}});
  EXPECT_EQ(all_bytes(*tokenizer), (Strings{"the ", "er", "<s>"}));
}

TEST(TokenBytes, WithoutADecoderWordsStandApart) {
  EXPECT_EQ(all_bytes(*with_decoder({"the", "er"}, nullptr)), (Strings{" the", " er", "<s>"}));
}

TEST(TokenBytes, OfNoTokenAreNone) {
  const auto tokenizer = load(kGoldens + "tiny");
  for (const int32_t id : {tokenizer->vocabulary_size(), -1, INT32_MAX, INT32_MIN})
    EXPECT_EQ(tokenizer->token_bytes(id), "");
}

}  // namespace
}  // namespace weir::text
