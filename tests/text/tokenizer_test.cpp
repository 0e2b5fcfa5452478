#include "weir/text/tokenizer.h"

#include <atomic>
#include <thread>

#include "text/golden.h"

namespace weir::text {
namespace {

struct Named {
  std::string golden;
  std::string folder;
};

std::string name_of(const testing::TestParamInfo<Named>& info) { return info.param.golden; }

/// Each golden, over the folder whose tokenizer it was made with.
class TokenizerGolden : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    const auto& [name, folder] = GetParam();
    if (!std::filesystem::exists(folder + "/tokenizer.json")) {
      GTEST_SKIP() << folder << " is not there; scripts/get_models brings it";
    }
    auto loaded = Tokenizer::load(folder);
    ASSERT_TRUE(loaded) << loaded.error().message;
    tokenizer = *loaded;
    expected = golden("encodings_" + name + ".json");
  }

  std::string streamed(const std::vector<int32_t>& ids, bool skip_special) const {
    Detokenizer detokenizer(tokenizer, skip_special);
    std::string text;
    for (const int32_t id : ids) text += detokenizer.step(id);
    return text + detokenizer.flush();
  }

  std::shared_ptr<const Tokenizer> tokenizer;
  Json expected;
};

TEST_P(TokenizerGolden, EncodesAsTheReference) {
  for (const auto& line : expected["cases"]) {
    const auto text = line["text"].get<std::string>();
    const auto with_special = tokenizer->encode(text, true);
    ASSERT_TRUE(with_special) << with_special.error().message;
    EXPECT_EQ(*with_special, line["ids"].get<std::vector<int32_t>>()) << text;
    EXPECT_EQ(*tokenizer->encode(text, false), line["plain"].get<std::vector<int32_t>>()) << text;
  }
}

TEST_P(TokenizerGolden, DecodesAsTheReference) {
  for (const auto& line : expected["cases"]) {
    const auto ids = line["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(*tokenizer->decode(ids, false), line["decoded"].get<std::string>());
    EXPECT_EQ(*tokenizer->decode(ids, true), line["skipped"].get<std::string>());
  }
}

TEST_P(TokenizerGolden, StreamsWhatTheWholeDecodes) {
  for (const auto& line : expected["cases"]) {
    const auto ids = line["ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(streamed(ids, false), line["decoded"].get<std::string>());
    EXPECT_EQ(streamed(ids, true), line["skipped"].get<std::string>());
  }
}

TEST_P(TokenizerGolden, StreamsEachPieceWhenTheReferenceDoes) {
  for (const auto& line : expected["cases"]) {
    if (!line.contains("pieces")) continue;
    Detokenizer detokenizer(tokenizer, false);
    std::vector<std::string> pieces;
    for (const int32_t id : line["plain"]) pieces.push_back(detokenizer.step(id));
    EXPECT_EQ(pieces, line["pieces"].get<std::vector<std::string>>()) << line["text"];
  }
}

TEST_P(TokenizerGolden, KnowsItsVocabulary) {
  const int32_t size = tokenizer->vocabulary_size();
  EXPECT_EQ(size, expected["vocabulary_size"].get<int32_t>());
  int32_t known = 0;
  size_t longest = 0;
  for (int32_t id = 0; id < size; ++id) {
    const auto piece = tokenizer->piece(id);
    if (!piece) continue;
    ++known;
    longest = std::max(longest, piece->size());
    EXPECT_EQ(tokenizer->id(*piece), id) << *piece;
  }
  EXPECT_EQ(known, size);
  EXPECT_EQ(tokenizer->longest_piece(), longest);
  EXPECT_FALSE(tokenizer->piece(size));
  EXPECT_FALSE(tokenizer->piece(-1));
  EXPECT_FALSE(tokenizer->id("no token is spelt so"));
  EXPECT_FALSE(tokenizer->id("\xff"));
}

TEST_P(TokenizerGolden, RefusesIdsOutsideItsVocabulary) {
  const int32_t size = tokenizer->vocabulary_size();
  for (const int32_t id : {size, -1, INT32_MAX, INT32_MIN}) {
    const auto text = tokenizer->decode({0, id}, false);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, Code::invalid_argument);
    EXPECT_EQ(text.error().message, "token id " + std::to_string(id) +
                                        " is outside the vocabulary of " + std::to_string(size) +
                                        " tokens");
  }
}

TEST_P(TokenizerGolden, StreamsNothingForIdsOutsideItsVocabulary) {
  const auto& line = expected["cases"][3];
  Detokenizer detokenizer(tokenizer, true);
  std::string text;
  for (const int32_t id : line["plain"]) {
    text += detokenizer.step(id);
    for (const int32_t outside : {tokenizer->vocabulary_size(), -1, INT32_MAX, INT32_MIN}) {
      EXPECT_EQ(detokenizer.step(outside), "");
    }
  }
  text += detokenizer.flush();
  EXPECT_EQ(text, *tokenizer->decode(line["plain"].get<std::vector<int32_t>>(), true));
}

TEST_P(TokenizerGolden, ThreadsShareIt) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (const auto& line : expected["cases"]) {
        const auto ids = tokenizer->encode(line["text"].get_ref<const std::string&>(), true);
        if (!ids || *ids != line["ids"].get<std::vector<int32_t>>()) ++wrong;
        if (streamed(*ids, false) != line["decoded"].get<std::string>()) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(All, TokenizerGolden,
                         testing::Values(Named{"tiny", kGoldens + "tiny"},
                                         Named{"tiny_fallback", kGoldens + "tiny_fallback"},
                                         Named{"smollm2", kModels + "smollm2-135m-instruct"},
                                         Named{"minilm", kModels + "all-minilm-l6-v2"}),
                         name_of);

std::shared_ptr<const Tokenizer> tiny() { return *Tokenizer::load(kGoldens + "tiny"); }

TEST(Tokenizer, RefusesTextThatIsNotUtf8) {
  const auto ids = tiny()->encode("ab\xc3(", true);
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code, Code::invalid_argument);
  EXPECT_EQ(ids.error().message, "the text is not UTF-8: byte 2 is wrong");
}

TEST(Tokenizer, LongTextsAndListsGoThrough) {
  const auto tokenizer = tiny();
  for (const std::string unit : {"a", " ", "\n", "Hello there! ", "日本"}) {
    std::string text;
    while (text.size() < 300'000) text += unit;
    const auto ids = tokenizer->encode(text, false);
    ASSERT_TRUE(ids) << ids.error().message;
    EXPECT_TRUE(*tokenizer->decode(*ids, false) == text) << unit;
  }
}

TEST(Tokenizer, SaysWhyAFolderDoesNotLoad) {
  const Folder empty(std::map<std::string, std::string>{});
  const auto missing = Tokenizer::load(empty.path());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "the model folder has no tokenizer.json: " + empty.path());
  const Folder broken(std::map<std::string, std::string>{{"tokenizer.json", "{\"model\": 3}"}});
  const auto refused = Tokenizer::load(broken.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
  EXPECT_EQ(refused.error().message.rfind(broken.path() + "/tokenizer.json: ", 0), 0U);
  const Folder nothing(std::map<std::string, std::string>{{"tokenizer.json", ""}});
  EXPECT_EQ(Tokenizer::load(nothing.path()).error().message,
            nothing.path() + "/tokenizer.json is empty");
}

TEST(Tokenizer, TakesAFileWithAByteOrderMark) {
  const Folder marked(
      {{"tokenizer.json", "\xEF\xBB\xBF" + file_text(kGoldens + "tiny/tokenizer.json")}});
  const auto loaded = Tokenizer::load(marked.path());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->vocabulary_size(), tiny()->vocabulary_size());
}

}  // namespace
}  // namespace weir::text
