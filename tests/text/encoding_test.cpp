// Where tokens stand in their texts.
#include "weir/text/encoding.h"

#include <gmock/gmock.h>

#include "text/golden.h"
#include "weir/text/tokenizer.h"

namespace weir::text {
namespace {

using testing::HasSubstr;

/// The line of numbers that make_places.py writes of an encoding.
std::string line_of(const Encoding& encoding) {
  std::string line;
  const auto add = [&](int64_t number) {
    if (!line.empty()) line += ' ';
    line += std::to_string(number);
  };
  for (size_t i = 0; i < encoding.size(); ++i) {
    add(encoding.ids[i]);
    add(encoding.types[i]);
    add(encoding.offsets[i].begin);
    add(encoding.offsets[i].end);
    add(encoding.words[i]);
    add(encoding.texts[i]);
  }
  return line;
}

/// 32-bit FNV-1a.
std::string hash_of(const std::string& line) {
  uint32_t value = 0x811C9DC5;
  for (const char byte : line) value = (value ^ static_cast<uint8_t>(byte)) * 0x01000193;
  char digits[9];
  snprintf(digits, sizeof digits, "%08x", value);
  return digits;
}

struct Named {
  std::string name;
  std::string folder;
};

std::string name_of(const testing::TestParamInfo<Named>& info) { return info.param.name; }

class Places : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    const auto& [name, folder] = GetParam();
    if (!std::filesystem::exists(folder + "/tokenizer.json")) {
      GTEST_SKIP() << folder << " is not there; scripts/get_models brings it";
    }
    tokenizer = *Tokenizer::load(folder);
    const Json all = golden("places.json");
    texts = all["texts"].get<std::vector<std::string>>();
    expected = all[name];
  }

  std::string line(const std::string& text, std::optional<std::string_view> pair,
                   bool add_special) const {
    const auto encoding = tokenizer->encode_places(text, pair, add_special);
    return encoding ? line_of(*encoding) : encoding.error().message;
  }

  std::shared_ptr<const Tokenizer> tokenizer;
  std::vector<std::string> texts;
  Json expected;
};

TEST_P(Places, AreTheReferencesInAThousandTexts) {
  ASSERT_EQ(texts.size(), 1000U);
  ASSERT_EQ(expected["alone"].size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string alone = line(texts[i], std::nullopt, true);
    const std::string plain = line(texts[i], std::nullopt, false);
    EXPECT_EQ(hash_of(alone), expected["alone"][i]) << Json(texts[i]) << '\n' << alone;
    EXPECT_EQ(hash_of(plain), expected["plain"][i]) << Json(texts[i]) << '\n' << plain;
  }
  const Json& whole = expected["whole"];
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(line(texts[8 + i], std::nullopt, true), whole[i]) << texts[8 + i];
  }
}

TEST_P(Places, OfPairsAreTheReferences) {
  const Json& pairs = expected["pairs"];
  ASSERT_EQ(pairs.size(), 200U);
  for (size_t i = 0; i < pairs.size(); ++i) {
    const std::string& second = texts[texts.size() - 1 - i];
    const std::string both = line(texts[i], second, true);
    EXPECT_EQ(hash_of(both), pairs[i]) << Json(texts[i]) << ' ' << Json(second) << '\n' << both;
  }
}

TEST_P(Places, HaveTheIdsOfEncode) {
  for (const auto& line : golden("encodings_" + GetParam().name + ".json")["cases"]) {
    const auto text = line["text"].get<std::string>();
    for (const bool add_special : {true, false}) {
      const auto encoding = tokenizer->encode_places(text, std::nullopt, add_special);
      ASSERT_TRUE(encoding) << encoding.error().message;
      EXPECT_EQ(encoding->ids, *tokenizer->encode(text, add_special)) << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Places,
                         testing::Values(Named{"tiny", kGoldens + "tiny"},
                                         Named{"tiny_fallback", kGoldens + "tiny_fallback"},
                                         Named{"smollm2", kModels + "smollm2-135m-instruct"},
                                         Named{"minilm", kModels + "all-minilm-l6-v2"}),
                         name_of);

std::shared_ptr<const Tokenizer> tiny() { return *Tokenizer::load(kGoldens + "tiny"); }

/// The tiny tokenizer with other parts.
std::shared_ptr<const Tokenizer> tiny_with(const std::map<std::string, Json>& parts) {
  Json file = Json::parse(file_text(kGoldens + "tiny/tokenizer.json"));
  for (const auto& [name, part] : parts) file[name] = part;
  auto loaded = Tokenizer::load(Folder({{"tokenizer.json", file.dump()}}).path());
  EXPECT_TRUE(loaded) << loaded.error().message;
  return *loaded;
}

TEST(Encoding, AnEmptySecondTextIsAPair) {
  const auto tokenizer = *Tokenizer::load(kGoldens + "../tiny/bert-mean");
  const auto alone = *tokenizer->encode_places("a river", std::nullopt, true);
  const auto pair = *tokenizer->encode_places("a river", std::string_view(), true);
  EXPECT_EQ(pair.size(), alone.size() + 1);
  EXPECT_EQ(pair.types.back(), 1);
  EXPECT_EQ(pair.texts.back(), -1);
}

TEST(Encoding, TextThatIsNotUtf8IsRefusedByName) {
  const auto refusal = [](std::string_view text, std::optional<std::string_view> pair) {
    const auto encoding = tiny()->encode_places(text, pair, true);
    EXPECT_FALSE(encoding);
    EXPECT_EQ(encoding.error().code, Code::invalid_argument);
    return encoding.error().message;
  };
  EXPECT_EQ(refusal("ab\xc3(", std::nullopt), "the text is not UTF-8: byte 2 is wrong");
  EXPECT_EQ(refusal("a", "\xff"), "the second text is not UTF-8: byte 0 is wrong");
}

Json template_of(const Json& pair) {
  const Json first = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  return {{"type", "TemplateProcessing"},
          {"single", {first}},
          {"pair", pair},
          {"special_tokens", Json::object()}};
}

TEST(Encoding, APairOfWhichATextWouldBeLeftOutIsRefused) {
  const Json second = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  for (const Json& pair : {Json::array(), Json::array({second})}) {
    const auto tokenizer = tiny_with({{"post_processor", template_of(pair)}});
    EXPECT_TRUE(tokenizer->encode_places("one", std::nullopt, true));
    const auto encoding = tokenizer->encode_places("one", "two", true);
    ASSERT_FALSE(encoding);
    EXPECT_EQ(encoding.error().code, Code::invalid_argument);
    EXPECT_EQ(encoding.error().message, "the tokenizer has no place for both texts of a pair");
  }
}

TEST(Encoding, ATokenTypeThatIsNoneIsRefused) {
  const Json odd = {{"Sequence", {{"id", "A"}, {"type_id", 256}}}};
  Json part = template_of(Json::array());
  part["single"] = {odd};
  const auto encoding =
      tiny_with({{"post_processor", part}})->encode_places("one", std::nullopt, true);
  ASSERT_FALSE(encoding);
  EXPECT_EQ(encoding.error().message,
            "the tokenizer gives a token the type 256; 255 is the highest");
}

Json doubling(size_t times) {
  const Json once = {{"type", "Replace"}, {"pattern", {{"String", "z"}}}, {"content", "zz"}};
  return {{"type", "Sequence"}, {"normalizers", Json(times, once)}};
}

TEST(Encoding, AWatchedNormalizerIsBoundInEitherText) {
  const auto tokenizer = tiny_with({{"normalizer", doubling(60)}});
  for (const auto& refused : {tokenizer->encode_places("xzx", std::nullopt, true),
                              tokenizer->encode_places("x", "xzx", true)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::invalid_argument);
    EXPECT_THAT(refused.error().message, HasSubstr("the normalizer"));
  }
}

TEST(Encoding, AWatchedNormalizersTokensHavePlacesToo) {
  const auto watched = tiny_with({{"normalizer", doubling(60)}});
  for (const std::string text : {"Hello there! \xc3\xa9 <|im_end|> \xe6\x97\xa5\xe6\x9c\xac", ""}) {
    const auto encoding = watched->encode_places(text, std::nullopt, true);
    ASSERT_TRUE(encoding) << encoding.error().message;
    EXPECT_EQ(line_of(*encoding), line_of(*tiny()->encode_places(text, std::nullopt, true)));
    EXPECT_EQ(encoding->ids, *watched->encode(text, true));
  }
}

TEST(Encoding, AControlTokenThatIsSpeltInPartsHasThePlacesOfItsParts) {
  const Json control = {{"id", 1},         {"content", "<end>"}, {"single_word", false},
                        {"lstrip", false}, {"rstrip", false},    {"normalized", false},
                        {"special", true}};
  Json normalizer = doubling(60);
  normalizer["normalizers"].push_back({{"type", "Lowercase"}});
  const auto watched = tiny_with({
      {"added_tokens", Json::array({control})},
      {"normalizer", normalizer},
      {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
      {"post_processor", nullptr},
      {"model",
       {{"type", "WordLevel"},
        {"vocab", {{"<unk>", 0}, {"<end>", 1}, {"<", 2}, {"end>", 3}, {"a", 4}}},
        {"unk_token", "<unk>"}}},
  });
  const auto encoding = *watched->encode_places("a <END> a <end>", std::nullopt, true);
  EXPECT_EQ(encoding.ids, (std::vector<int32_t>{4, 2, 3, 4, 1}));
  EXPECT_EQ(encoding.offsets,
            (std::vector<Encoding::Offsets>{{0, 1}, {2, 3}, {3, 7}, {8, 9}, {10, 15}}));
  EXPECT_EQ(encoding.words, (std::vector<int32_t>{0, 1, 1, 2, 3}));
}

TEST(Encoding, WordsOfTheTaggerAreThoseOfItsGolden) {
  const std::string folder = kModels + "all-minilm-l6-v2";
  if (!std::filesystem::exists(folder + "/tokenizer.json")) {
    GTEST_SKIP() << folder << " is not there; scripts/get_models brings it";
  }
  const auto tokenizer = *Tokenizer::load(folder);
  const Json cases = Json::parse(file_text("models/minilm-ner-crf/golden.json"))["cases"];
  ASSERT_EQ(cases.size(), 20U);
  for (const Json& line : cases) {
    const auto encoding =
        *tokenizer->encode_places(line["text"].get<std::string>(), std::nullopt, true);
    Json words = Json::array(), first = Json::array(), ids = Json::array();
    for (size_t i = 0; i < encoding.size() && i < 255; ++i) {
      ids.push_back(encoding.ids[i]);
      if (encoding.texts[i] != 0) continue;
      const auto [begin, end] = encoding.offsets[i];
      if (encoding.words[i] == encoding.words[i - 1]) {
        words.back()[1] = end;
      } else {
        words.push_back({begin, end});
        first.push_back(i);
      }
    }
    EXPECT_EQ(words, line["words"]) << line["text"];
    EXPECT_EQ(first, line["first_piece"]) << line["text"];
  }
}

}  // namespace
}  // namespace weir::text
