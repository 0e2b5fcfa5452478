/// The beginning of a text that is enough for its first tokens, over one tokenizer of each kind.
#include <functional>
#include <random>

#include "text/golden.h"
#include "weir/text/tokenizer.h"

namespace weir::text {
namespace {

/// Pieces with scores over words that begin with a mark, as SentencePiece makes them.
constexpr const char* kUnigram = R"({
  "version": "1.0", "added_tokens": [], "normalizer": {"type": "NFKC"},
  "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
  "post_processor": null, "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
  "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false, "vocab": [
    ["<unk>", 0], ["▁", -2], ["▁the", -3], ["▁qu", -4], ["ick", -4], ["a", -5], ["b", -5], ["e", -5], ["i", -5],
    ["o", -5], ["aa", -7], ["aaa", -8], ["ing", -4], ["t", -5], ["h", -5], ["n", -5], ["s", -5]]}})";

struct Of {
  std::string name, folder;
};

std::string name_of(const testing::TestParamInfo<Of>& info) { return info.param.name; }

class Prefix : public testing::TestWithParam<Of> {
 protected:
  void SetUp() override {
    const auto& [name, folder] = GetParam();
    if (folder.empty())
      made_.emplace(std::map<std::string, std::string>{{"tokenizer.json", kUnigram}});
    const std::string path = made_ ? made_->path() : folder;
    if (!std::filesystem::exists(path + "/tokenizer.json"))
      GTEST_SKIP() << path << " is not there; scripts/get_models brings it";
    auto loaded = Tokenizer::load(path);
    ASSERT_TRUE(loaded) << loaded.error().message;
    tokenizer_ = *std::move(loaded);
  }

  std::vector<int32_t> ids(std::string_view text) const { return *tokenizer_->encode(text, false); }

  /// The bytes that prefix() says, once they are shown to be enough.
  size_t checked(const std::string& text, size_t count) const {
    const auto enough = tokenizer_->prefix(text, count);
    EXPECT_TRUE(enough);
    if (!enough) return 0;
    auto whole = ids(text), of_prefix = ids(std::string_view(text).substr(0, *enough));
    whole.resize(std::min(whole.size(), count));
    of_prefix.resize(std::min(of_prefix.size(), count));
    EXPECT_EQ(of_prefix, whole) << count << " tokens of " << text.size() << " bytes, by " << *enough
                                << ", which begin " << text.substr(0, 60);
    return *enough;
  }

 private:
  std::optional<Folder> made_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

std::string repeated(const std::string& unit, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += unit;
  return text;
}

TEST_P(Prefix, OfProseIsShort) {
  const std::string prose =
      repeated("The quick brown fox jumps over 13 lazy dogs, doesn't it?\n", 100'000);
  for (const size_t count : {1, 512}) EXPECT_LT(checked(prose, count), 20'000U) << count;
}

TEST_P(Prefix, KeepsTheFirstIds) {
  const std::vector<std::string> units{"a",
                                       " ",
                                       "\n",
                                       "word ",
                                       "no_space_at_all",
                                       "日本語の文",
                                       "e\u0301\u0327 ",
                                       "\u1100\u1161",
                                       "12345",
                                       "    x",
                                       "\r\n  ",
                                       "don't ",
                                       "<|im_end|> <s>[MASK]",
                                       "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
                                       "ﬁﬂ ",
                                       ". "};
  for (const std::string& unit : units)
    for (const size_t count : {1, 500}) checked(repeated(unit, 12'000), count);
}

TEST_P(Prefix, KeepsTheFirstIdsOfMixedText) {
  std::mt19937 random(7);
  const std::vector<std::string> units{
      "a",  "the ", " ",      "\n",   "thing", "日本", "é",  "e\u0301",  "42",     "  ",
      "'s", "<s>",  "[MASK]", "aaaa", ".",     ", ",   "\t", "zzzzzzzz", "\u3000", "ing "};
  for (int round = 0; round < 10; ++round) {
    std::string text;
    while (text.size() < 12'000) {
      const std::string& unit = units[random() % units.size()];
      for (size_t times = random() % 50 == 0 ? random() % 2000 : 1; times > 0; --times)
        text += unit;
    }
    checked(text, 1 + random() % 1500);
  }
}

TEST_P(Prefix, OfAShortTextIsAllOfIt) {
  EXPECT_EQ(checked("", 5), 0U);
  EXPECT_EQ(checked("one two", 5), 7U);
  EXPECT_EQ(checked(repeated("the ", 3000), 100'000), 3000U);
}

Json tiny() { return Json::parse(file_text(kGoldens + "tiny/tokenizer.json")); }

size_t prefix(const Json& tokenizer_json, const std::string& text, size_t count) {
  const auto tokenizer =
      Tokenizer::load(Folder({{"tokenizer.json", tokenizer_json.dump()}}).path());
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return tokenizer ? *(*tokenizer)->prefix(text, count) : 0;
}

TEST(PrefixOfAll, WhereANormalizerIsWatched) {
  Json file = tiny();
  const Json doubling = {{"type", "Replace"}, {"pattern", {{"String", "z"}}}, {"content", "zz"}};
  file["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json(10, doubling)}};
  const std::string text = repeated("word ", 100'000);
  EXPECT_LT(prefix(tiny(), text, 1), text.size());
  EXPECT_EQ(prefix(file, text, 1), text.size());
}

TEST(PrefixOfAll, WhereAnAddedTokenTakesTheSpacesBeforeIt) {
  Json file = tiny();
  Json mask = file["added_tokens"][0];
  mask.update({{"id", 9000}, {"content", "<mask>"}, {"lstrip", true}, {"normalized", false}});
  file["added_tokens"].push_back(mask);
  const std::string text = std::string(100'000, ' ') + "<mask>";
  EXPECT_LT(prefix(tiny(), text, 1), text.size());
  EXPECT_EQ(prefix(file, text, 1), text.size());
}

INSTANTIATE_TEST_SUITE_P(All, Prefix,
                         testing::Values(Of{"ByteLevel", kModels + "smollm2-135m-instruct"},
                                         Of{"WordPiece", kModels + "all-minilm-l6-v2"},
                                         Of{"SmallByteLevel", kGoldens + "tiny"},
                                         Of{"ByteFallback", kGoldens + "tiny_fallback"},
                                         Of{"Unigram", ""}),
                         name_of);

}  // namespace
}  // namespace weir::text
