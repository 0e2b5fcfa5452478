// Tokens that stand only beside tokenizer.json, against transformers.
#include "text/added_tokens.h"

#include <gmock/gmock.h>

#include "text/golden.h"
#include "weir/text/tokenizer.h"

namespace weir::text {
namespace {

using testing::HasSubstr;

std::shared_ptr<const Tokenizer> load(std::map<std::string, std::string> files) {
  files["tokenizer.json"] = file_text(kGoldens + "tiny/tokenizer.json");
  const Folder folder(files);
  auto tokenizer = Tokenizer::load(folder.path());
  if (!tokenizer) {
    ADD_FAILURE() << tokenizer.error().message;
    return nullptr;
  }
  return *std::move(tokenizer);
}

TEST(AddedTokens, AreMergedAsTheReferenceMergesThem) {
  const Json expected = golden("added_tokens.json");
  for (const auto& line : expected["cases"]) {
    const auto name = line["name"].get<std::string>();
    std::map<std::string, std::string> files;
    for (const auto& [file, value] : line["files"].items()) files[file] = value.dump();
    const auto tokenizer = load(files);
    ASSERT_TRUE(tokenizer) << name;
    EXPECT_EQ(tokenizer->vocabulary_size(), line["size"].get<int32_t>()) << name;
    for (size_t i = 0; i < expected["texts"].size(); ++i) {
      const auto text = expected["texts"][i].get<std::string>();
      const auto ids = tokenizer->encode(text, false);
      ASSERT_TRUE(ids) << name;
      const auto& row = line["rows"][i];
      EXPECT_EQ(*ids, row["ids"].get<std::vector<int32_t>>()) << name << ": " << text;
      EXPECT_EQ(*tokenizer->decode(*ids, true), row["skipped"].get<std::string>()) << name;
    }
  }
}

TEST(AddedTokens, SayWhetherOneTakesTheSpaceBesideIt) {
  EXPECT_FALSE(load({})->takes_space());
  EXPECT_TRUE(
      load({{"special_tokens_map.json", R"({"mask_token":{"content":"<m>","lstrip":true}})"}})
          ->takes_space());
}

TEST(AddedTokens, OneThatIsOnlyNamedStaysWhatTokenizerJsonSaysOfIt) {
  Json file = Json::parse(file_text(kGoldens + "tiny/tokenizer.json"));
  Json mask = file["added_tokens"][0];
  mask.update({{"id", 9000}, {"content", "<mask>"}, {"lstrip", true}, {"normalized", false}});
  file["added_tokens"].push_back(mask);
  const Folder folder(
      {{"tokenizer.json", file.dump()}, {"tokenizer_config.json", R"({"mask_token":"<mask>"})"}});
  const auto tokenizer = Tokenizer::load(folder.path());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_TRUE((*tokenizer)->takes_space());
  EXPECT_EQ(*(*tokenizer)->encode("a   <mask>", false), *(*tokenizer)->encode("a<mask>", false));
}

TEST(AddedTokens, WrongFilesAreNamed) {
  const auto refusal = [](TokenFiles files) {
    auto tokens = added_tokens_of(files);
    return tokens ? "accepted" : tokens.error().message;
  };
  EXPECT_THAT(refusal({.tokenizer_config = "["}), HasSubstr("tokenizer_config.json is no JSON"));
  EXPECT_THAT(refusal({.tokenizer_config = R"({"added_tokens_decoder":[]})"}),
              HasSubstr("added_tokens_decoder is no object"));
  EXPECT_THAT(refusal({.tokenizer_config = R"({"added_tokens_decoder":{"x":{"content":"a"}}})"}),
              HasSubstr("\"x\" is no id with a token"));
  for (const char* entry : {R"("-1":{"content":"a"})", R"("5":"a")", R"("5":{"content":7})",
                            R"("5":{"content":"a","special":"yes"})"}) {
    const std::string config = std::string(R"({"added_tokens_decoder":{)") + entry + "}}";
    EXPECT_THAT(refusal({.tokenizer_config = config}), HasSubstr("is no id with a token")) << entry;
  }
  EXPECT_THAT(refusal({.added_tokens = R"({"a":"b"})"}), HasSubstr("\"a\" has no id"));
  const std::string deep = R"({"a":)" + std::string(100'000, '[') + "}";
  EXPECT_THAT(refusal({.added_tokens = deep}), HasSubstr("added_tokens.json is nested deeper"));
  EXPECT_EQ(refusal({}), "accepted");
}

}  // namespace
}  // namespace weir::text
