/// No more of a text is tokenized than is kept or than it takes to refuse it.
#include "serve/text_bounds.h"

#include <gmock/gmock.h>

#include "asks.h"
#include "byte_model.h"
#include "serve/prompts.h"

namespace weir::serve {
namespace {

using testing::HasSubstr;

/// Words of one letter; white space makes no token.
constexpr const char* kWords = R"({
  "version": "1.0", "added_tokens": [],
  "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
                 "lowercase": true},
  "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": {"type": "WordPiece", "prefix": "##",
  "cleanup": true},
  "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": {"[UNK]": 0, "a": 1, "b": 2}}})";

class TextBounds : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("tokenizer.json", kWords);
    folder_.write("config.json", "{}");
    words_ = {.text = text_side(folder_, kReads), .max_model_len = 100, .vocabulary_rows = 3};
    ASSERT_FALSE(words_.text.longest_piece_bytes);
  }

  static std::string repeated(const std::string& unit, size_t times) {
    std::string text;
    while (times-- > 0) text += unit;
    return text;
  }

  ModelFolder folder_;
  ModelCard words_;
  ByteModel bytes_;
  ByteEncoder encoder_;
};

TEST_F(TextBounds, ACutTextIsReadAsFarAsItIsKept) {
  const std::string text = repeated("a b ", 1'000'000);
  const auto enough = enough_of(text, words_, 100, "input");
  ASSERT_TRUE(enough) << enough.error().message;
  EXPECT_LT(enough->size(), 5000U);
  const auto ids = embedding_input(words_, text, {.truncate = true}, "input");
  ASSERT_TRUE(ids) << ids.error().message;
  ASSERT_EQ(ids->size(), 100U);
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ((*ids)[i], 1 + static_cast<int32_t>(i % 2));
}

TEST_F(TextBounds, ACutTextKeepsTheFrameOfTheWhole) {
  const auto ids =
      embedding_input(encoder_.loaded, repeated("x", 15'000'000), {.truncate = true}, "input");
  ASSERT_TRUE(ids) << ids.error().message;
  ASSERT_EQ(ids->size(), 512U);
  EXPECT_EQ(ids->front(), kBos);
  EXPECT_EQ(ids->back(), kEos);
}

TEST_F(TextBounds, ATextIsReadUpToTheEndOfACharacter) {
  for (const size_t before : {0, 1, 2}) {
    const std::string text = std::string(before, ' ') + repeated("\u3000", 500'000);
    const auto refused = enough_of(text, words_, 100, "input");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("no more are read for so few"));
  }
}

TEST_F(TextBounds, ALongTextIsRefusedBeforeAllOfItIsTokenized) {
  const auto refused = embedding_input(words_, repeated("a b ", 20'000), {}, "input");
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      "This model's maximum context length is 100 tokens. However, input has at least 200 tokens. "
      "(context_length_exceeded)");
  EXPECT_EQ(refused.error().param, "input");
}

TEST_F(TextBounds, ATextWithinTwiceTheLimitIsCountedExactly) {
  bytes_.loaded.max_model_len = 40'000;
  const auto prompt = completion_prompt(bytes_.loaded, repeated("x", 70'000), true, "prompt");
  ASSERT_FALSE(prompt);
  EXPECT_THAT(prompt.error().message, HasSubstr("has 70001 tokens"));
  EXPECT_EQ(completion_prompt(bytes_.loaded, repeated("x", 39'998), true, "prompt")->size(),
            39'999U);
}

TEST_F(TextBounds, WhatMakesNoTokensIsReadToABound) {
  const std::string spaces = repeated("\u3000", 700'000);  // three bytes each, white space
  const auto refusal = [&](bool truncate) {
    const auto refused = embedding_input(words_, spaces + "a", {.truncate = truncate}, "input");
    return refused ? "accepted" : refused.error().message + " @" + refused.error().param;
  };
  EXPECT_EQ(refusal(false),
            "This model's maximum context length is 100 tokens. However, input has 2100001 bytes; "
            "at most 1054976 are read of a text. (context_length_exceeded) @input");
  EXPECT_EQ(refusal(true),
            "input has 2100001 bytes, and the first 1055040 of them fewer than 101 tokens; no more "
            "are read for so few @input");
  const auto taken = embedding_input(words_, spaces.substr(0, 90'000) + "a", {}, "input");
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(*taken, std::vector<int32_t>{1});
}

}  // namespace
}  // namespace weir::serve
