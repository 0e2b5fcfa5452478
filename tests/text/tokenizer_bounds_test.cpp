// What a tokenizer.json may make of a text, and that it can make tokens of one.
#include <gmock/gmock.h>

#include "text/golden.h"
#include "weir/text/tokenizer.h"

namespace weir::text {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// The tiny tokenizer with another part.
Result<std::shared_ptr<const Tokenizer>> with_part(const char* name, const Json& part) {
  Json file = Json::parse(file_text(kGoldens + "tiny/tokenizer.json"));
  file[name] = part;
  return Tokenizer::load(Folder({{"tokenizer.json", file.dump()}}).path());
}

Json replace(const std::string& pattern, const std::string& content) {
  return {{"type", "Replace"}, {"pattern", {{"String", pattern}}}, {"content", content}};
}

TEST(TokenizerBounds, StepsAndWhatTheyInsertAreFew) {
  const std::string megabyte(1'000'000, 'x');
  const Json doubling(1000, replace("a", "aa"));
  const std::vector<std::tuple<const char*, Json, std::string>> cases = {
      {"normalizer", {{"type", "Sequence"}, {"normalizers", doubling}}, "1001 steps"},
      {"normalizer", {{"type", "Prepend"}, {"prepend", megabyte}}, "1000000 bytes"},
      {"normalizer", replace("a", megabyte), "1000000 bytes"},
      {"decoder", replace("a", megabyte), "1000000 bytes"},
  };
  for (const auto& [name, part, words] : cases) {
    const auto loaded = with_part(name, part);
    ASSERT_FALSE(loaded) << name;
    EXPECT_EQ(loaded.error().code, Code::invalid_argument);
    EXPECT_NE(loaded.error().message.find(name), std::string::npos) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find(words), std::string::npos) << loaded.error().message;
  }
}

TEST(TokenizerBounds, ANormalizerThatMakesMuchOfATextIsWatched) {
  const Json doubling(60, replace("z", "zz"));
  const auto loaded = with_part("normalizer", {{"type", "Sequence"}, {"normalizers", doubling}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto refused = (*loaded)->encode("xzx", false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
  EXPECT_NE(refused.error().message.find("the normalizer"), std::string::npos);
  const auto tiny = *Tokenizer::load(kGoldens + "tiny");
  EXPECT_EQ(*(*loaded)->encode("text without it", true), *tiny->encode("text without it", true));

  Json added = Json::parse(file_text(kGoldens + "tiny/tokenizer.json"));
  added["normalizer"] = {{"type", "Sequence"}, {"normalizers", doubling}};
  added["added_tokens"].push_back({{"id", 9000},
                                   {"content", "z"},
                                   {"single_word", false},
                                   {"lstrip", false},
                                   {"rstrip", false},
                                   {"normalized", true},
                                   {"special", false}});
  EXPECT_FALSE(Tokenizer::load(Folder({{"tokenizer.json", added.dump()}}).path()));
}

TEST(TokenizerBounds, WhatAWatchedNormalizerMakesIsBoundInAllItsWays) {
  const auto why = [](const Json& steps, const std::string& text) {
    const auto loaded = with_part("normalizer", {{"type", "Sequence"}, {"normalizers", steps}});
    if (!loaded) return "does not load: " + loaded.error().message;
    const auto ids = (*loaded)->encode(text, false);
    return ids ? std::string("taken") : ids.error().message;
  };
  const auto doubling = [](size_t times) { return Json(times, replace("z", "zz")); };
  EXPECT_EQ(why(doubling(10), "xzx"), "taken");
  EXPECT_NE(why(doubling(18), "xzx").find("makes more than"), std::string::npos);
  // Before a step that could take gigabytes is begun.
  EXPECT_NE(why(Json(1, replace("z", std::string(256, 'z'))), std::string(100'000, 'x'))
                .find("could make"),
            std::string::npos);
  // Each piece between control tokens stays below what one text may become.
  std::string pieces;
  for (int i = 0; i < 20; ++i) pieces += "z<|im_end|>";
  EXPECT_NE(why(doubling(14), pieces).find("too much of the text"), std::string::npos);
}

TEST(TokenizerBounds, FewTokensAreAddedAroundAText) {
  const Json special = {{"<s>", {{"id", "<s>"}, {"ids", Json(100'000, 1)}, {"tokens", {"<s>"}}}}};
  const Json piece = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const auto loaded = with_part("post_processor", {{"type", "TemplateProcessing"},
                                                   {"single", {piece}},
                                                   {"pair", Json::array()},
                                                   {"special_tokens", special}});
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("100000 tokens"), std::string::npos);
}

Json sequence(const char* parts, const Json& steps) {
  return {{"type", "Sequence"}, {parts, steps}};
}

const Json kByteLevel = {{"type", "ByteLevel"},
                         {"add_prefix_space", false},
                         {"trim_offsets", true},
                         {"use_regex", false}};

std::string refusal(const char* name, const Json& part) {
  const auto loaded = with_part(name, part);
  if (loaded) return "loaded";
  EXPECT_EQ(loaded.error().code, Code::invalid_argument);
  return loaded.error().message.substr(loaded.error().message.find(": ") + 2);
}

TEST(TokenizerBounds, APartThatCouldMakeMuchOfATextIsRefused) {
  Json any_doubled = replace("", "zz");
  any_doubled["pattern"] = {{"Regex", "."}};
  Json decoders(40, any_doubled);
  decoders.insert(decoders.begin(), kByteLevel);
  EXPECT_EQ(refusal("decoder", sequence("decoders", decoders)),
            "decoder: step 4, Replace, could make a text 54 times as long as it was; 32 times are "
            "the most");
  const auto refused = [](const char* name, const char* parts, const Json& step) {
    return refusal(name, sequence(parts, Json(30, step)));
  };
  EXPECT_THAT(refused("decoder", "decoders", {{"type", "BPEDecoder"}, {"suffix", ""}}),
              HasSubstr("decoder: step 6, BPEDecoder, could make a text 64 times"));
  EXPECT_THAT(refused("pre_tokenizer", "pretokenizers", kByteLevel),
              HasSubstr("pre_tokenizer: step 6, ByteLevel, could make a text 64 times"));
  const Json metaspace = {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"split", false}};
  EXPECT_THAT(refused("pre_tokenizer", "pretokenizers", metaspace),
              HasSubstr("pre_tokenizer: step 2, Metaspace, could make a text 36 times"));
  const Json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const Json twice = {{"type", "TemplateProcessing"},
                      {"single", {text, text}},
                      {"pair", Json::array()},
                      {"special_tokens", Json::object()}};
  EXPECT_THAT(refused("post_processor", "processors", twice),
              HasSubstr("post_processor: step 6, TemplateProcessing, could make a text 64 times"));
}

TEST(TokenizerBounds, NormalizerAndPreTokenizerAreBoundedTogether) {
  Json file = Json::parse(file_text(kGoldens + "tiny/tokenizer.json"));
  file["normalizer"] = sequence("normalizers", Json(4, replace("z", "zz")));
  file["pre_tokenizer"] = sequence("pretokenizers", Json(5, kByteLevel));
  const auto loaded = Tokenizer::load(Folder({{"tokenizer.json", file.dump()}}).path());
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message,
              HasSubstr("normalizer and pre_tokenizer could make a text 512 times"));
}

TEST(TokenizerBounds, WhatFoldsCharactersIsCountedFromItsSecondTime) {
  const Json nfkc = {{"type", "NFKC"}}, lower = {{"type", "Lowercase"}};
  const auto usual = with_part("normalizer", sequence("normalizers", {nfkc, lower, kByteLevel}));
  ASSERT_TRUE(usual) << usual.error().message;
  Json pairs;
  for (int i = 0; i < 20; ++i) {
    pairs.push_back(replace("z", "\uFDFA"));
    pairs.push_back(nfkc);
    pairs.push_back(replace(" ", "z"));
  }
  const auto watched = with_part("normalizer", sequence("normalizers", pairs));
  ASSERT_TRUE(watched) << watched.error().message;
  const auto refused = (*watched)->encode(std::string(10, 'z'), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid_argument);
}

TEST(TokenizerBounds, ACharacterMapMayPutLittleInAPlace) {
  // A trie of 256 units that finds nothing, and one text of 301 bytes, in base64.
  std::string map = "AAQA";
  for (int i = 0; i < 341; ++i) map += "AAAA";
  map += "AAB4";
  for (int i = 0; i < 100; ++i) map += "eHh4";
  const Json once = {{"type", "Precompiled"}, {"precompiled_charsmap", map}};
  const auto loaded = with_part("normalizer", once);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_FALSE((*loaded)->encode(std::string(100'000, 'y'), false));
  EXPECT_THAT(refusal("normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "BAAA"}}),
              HasSubstr("normalizer: precompiled_charsmap cannot be read"));
}

TEST(TokenizerBounds, APrefixOfSubwordsIsShort) {
  Json file = Json::parse(file_text(kGoldens + "tiny/tokenizer.json"));
  file["model"]["continuing_subword_prefix"] = std::string(1000, 'x');
  const auto loaded = Tokenizer::load(Folder({{"tokenizer.json", file.dump()}}).path());
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("continuing_subword_prefix has 1000"));
}

Json template_of(const Json& pieces) {
  return {{"type", "TemplateProcessing"},
          {"single", pieces},
          {"pair", Json::array()},
          {"special_tokens", Json::object()}};
}

TEST(TokenizerThatEncodesNothing, IsRefusedByItsPart) {
  const Json second = {{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
  const Json first = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const Json special = {{"SpecialToken", {{"id", "<none>"}, {"type_id", 0}}}};
  EXPECT_EQ(refusal("normalizer", replace("", "x")),
            "normalizer: Replace: pattern is an empty String");
  EXPECT_EQ(refusal("pre_tokenizer", {{"type", "FixedLength"}, {"length", 0}}),
            "pre_tokenizer: FixedLength: length is 0; at least 1 is wanted");
  EXPECT_EQ(refusal("post_processor", template_of(Json::array())),
            "post_processor: TemplateProcessing: single has no Sequence A, and so leaves out the "
            "text");
  EXPECT_EQ(refusal("post_processor", template_of(Json::array({second}))),
            "post_processor: TemplateProcessing: single has Sequence B, which only a pair of texts "
            "has");
  EXPECT_EQ(refusal("post_processor", template_of({special, first})),
            "post_processor: TemplateProcessing: single has the special token \"<none>\", which "
            "special_tokens does not have");
}

TEST(TokenizerThatEncodesNothing, IsTriedWhenItIsLoaded) {
  // The library panics at a match of no length.
  Json nothing = replace("", "x");
  nothing["pattern"] = {{"Regex", "(?=.)"}};
  EXPECT_THAT(refusal("normalizer", nothing),
              StartsWith("a trial with the text \"hello\" fails: the text crate panicked: "));
  const Json removing = {{"type", "Replace"}, {"pattern", {{"Regex", "."}}}, {"content", ""}};
  EXPECT_EQ(refusal("normalizer", removing), "loaded");
}

/// Words, and no token for an unknown one.
Json only_known(const Json& model) {
  return {{"version", "1.0"},
          {"added_tokens", Json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
          {"post_processor", nullptr},
          {"decoder", nullptr},
          {"model", model}};
}

TEST(TokenizerThatKnowsOnlyItsWords, RefusesOtherTexts) {
  const Json words = {
      {"type", "WordLevel"}, {"vocab", {{"one", 0}, {"two", 1}}}, {"unk_token", "<unk>"}};
  Json scores = Json::array();
  for (const char* piece : {"one", "two", "o", "n", "e", "t", "w"})
    scores.push_back(Json::array({piece, -1.0}));
  const Json pieces = {
      {"type", "Unigram"}, {"unk_id", nullptr}, {"vocab", scores}, {"byte_fallback", false}};
  for (const Json& model : {words, pieces}) {
    const auto loaded =
        Tokenizer::load(Folder({{"tokenizer.json", only_known(model).dump()}}).path());
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(*(*loaded)->encode("one two", true), (std::vector<int32_t>{0, 1}));
    const Rendered rendered{.text = "one three", .plain = {0}};
    for (const auto& refused :
         {(*loaded)->encode(rendered.text, true), (*loaded)->encode(rendered, true)}) {
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, Code::invalid_argument);
      EXPECT_THAT(refused.error().message, StartsWith("the tokenizer cannot encode the text: "));
    }
  }
}

TEST(TokenizerBounds, ADeepFileIsRefused) {
  std::string json = file_text(kGoldens + "tiny/tokenizer.json");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"type":"Sequence","decoders":[)";
  for (const char* key : {R"("decoder":)", R"("normalizer":)", R"("model":)"}) {
    std::string file = json;
    const size_t place = file.rfind(key);
    ASSERT_NE(place, std::string::npos);
    file.insert(place + std::string_view(key).size(), deep);
    const auto loaded = Tokenizer::load(Folder({{"tokenizer.json", file}}).path());
    ASSERT_FALSE(loaded) << key;
  }
}

}  // namespace
}  // namespace weir::text
