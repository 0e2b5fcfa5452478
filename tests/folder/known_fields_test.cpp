#include "weir/folder/known_fields.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "weir/folder/tables.h"

namespace weir::folder {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

using enum Verdict;

constexpr KnownField kTable[] = {
    {"harmless"},
    {"_*"},
    {.name = "used", .verdict = used},
    {.name = "told", .verdict = told, .note = "not applied", .neutral = "[1, \"off\"]"},
    {.name = "refused", .verdict = refused, .note = "not built", .neutral = "[\"full\"]"},
    {.name = "inside.told", .verdict = told, .note = "not applied"},
};

FieldReview review(const char* text, const FieldsRead& read = {}) {
  return review_fields(json::parse(text), read, {kTable});
}

TEST(KnownFields, AFieldInNoTableIsNamedOnce) {
  EXPECT_THAT(review(R"({"b":1,"a":{"x":1},"harmless":2,"used":3,"_private":4})").notes,
              ElementsAre("not known and not read: a, b"));
  EXPECT_THAT(review(R"({"b":1,"a":2})", {"a", "b"}).notes, IsEmpty());
}

TEST(KnownFields, NullIsAbsence) {
  const FieldReview nothing = review(R"({"told":null,"refused":null,"a":null})");
  EXPECT_THAT(nothing.notes, IsEmpty());
  EXPECT_FALSE(nothing.refusal);
}

TEST(KnownFields, OnlyAValueThatChangesAnAnswerIsRefusedOrTold) {
  EXPECT_THAT(review(R"({"told":1.0,"refused":["full","full"]})").notes, IsEmpty());
  EXPECT_THAT(review(R"({"told":"off"})").notes, IsEmpty());
  EXPECT_THAT(review(R"({"told":1.1})").notes, ElementsAre("told is 1.1: not applied"));
  EXPECT_EQ(review(R"({"refused":["full","sliding"]})").refusal,
            "refused is [\"full\",\"sliding\"]: not built");
}

TEST(KnownFields, FieldsInsideAnObjectAreLookedAtWhereOneOfThemIsKnown) {
  EXPECT_THAT(
      review(R"({"inside":{"told":1,"b":2},"other":{"b":1}})").notes,
      ElementsAre("inside.told is 1: not applied", "not known and not read: inside.b, other"));
  EXPECT_THAT(review(R"({"other":{"a":1,"b":1}})", {"other", "other.a"}).notes,
              ElementsAre("not known and not read: other.b"));
}

TEST(KnownFields, ManyUnknownFieldsAreCounted) {
  json object;
  for (int i = 0; i < 1000; ++i) object["field" + std::to_string(1000 + i)] = i;
  const FieldReview many = review_fields(object, {}, {kTable});
  ASSERT_EQ(many.notes.size(), 1u);
  EXPECT_THAT(many.notes[0], testing::EndsWith("field1019 and 980 more"));
}

TEST(KnownFields, TablesAreWellFormed) {
  for (FieldTable table :
       {config_fields(), bert_config_fields(), distilbert_config_fields(), llama_config_fields(),
        generation_config_fields(), tokenizer_config_fields(), modules_fields(), pooling_fields(),
        normalize_fields(), sentence_transformers_fields(), sentence_bert_fields()}) {
    std::set<std::string_view> names;
    for (const KnownField& known : table) {
      EXPECT_TRUE(names.insert(known.name).second) << known.name << " stands twice";
      const bool says = known.verdict == told || known.verdict == refused;
      EXPECT_EQ(says, !known.note.empty()) << known.name;
      if (known.neutral.empty()) continue;
      EXPECT_TRUE(says) << known.name;
      EXPECT_TRUE(json::parse(known.neutral, nullptr, false).is_array()) << known.name;
    }
  }
}

}  // namespace
}  // namespace weir::folder
