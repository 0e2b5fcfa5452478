#include "served.h"

namespace weir::serve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class T>
std::string refusal(const Result<T>& result) {
  return result ? "accepted" : result.error().message + " @" + result.error().param;
}

/// Models whose tokenizers have more ids than their embedding tables: <turn> is 258.
class SmallTableTest : public ServedTest {
 protected:
  void SetUp() override {
    bytes_.loaded.vocabulary_rows = 258;
    encoder_.loaded.vocabulary_rows = 258;
    ServedTest::SetUp();
  }
};

TEST_F(SmallTableTest, IdsThatTheTokenizerMakesAreRefused) {
  const std::string past = " is 258 (\"<turn>\"); this model's ids are 0 to 257";
  EXPECT_EQ(refusal(complete({.prompts = {"a<turn>"}}, caller_)),
            "token 2 of prompt" + past + " @prompt");
  EXPECT_EQ(refusal(complete({.prompts = {"a", "<turn>"}}, caller_)),
            "token 1 of prompt[1]" + past + " @prompt[1]");
  EXPECT_EQ(refusal(embed({.inputs = {"b<turn>"}}, caller_)),
            "token 2 of input" + past + " @input");
  EXPECT_EQ(refusal(chat({.messages = R"([{"role":"user","content":"a"}])"}, caller_)),
            "token 7 of messages" + past + " @messages");
  EXPECT_TRUE(complete({.prompts = {"a"}}, caller_));
}

TEST_F(SmallTableTest, TheDryRunSaysTheSame) {
  const CompletionRequest completion{.prompts = {"a<turn>"}};
  EXPECT_EQ(refusal(dry_run(completion, caller_)), refusal(complete(completion, caller_)));
  const ChatRequest conversation{.messages = R"([{"role":"user","content":"a"}])"};
  EXPECT_EQ(refusal(dry_run(conversation, caller_)), refusal(chat(conversation, caller_)));
}

TEST(FitVocabulary, EndsPastTheTableAreDroppedAndTold) {
  ByteModel model;
  TextSide& text = model.loaded.text;
  text.eos_ids = {257, 999999, -1, 258};
  EXPECT_THAT(fit_vocabulary(text, 258),
              ElementsAre("the tokenizer has 259 ids and the embedding table 258 rows: a request "
                          "with an id past the table is refused",
                          "the end of text 999999 is dropped: the embedding table has 258 rows",
                          "the end of text -1 is dropped: the embedding table has 258 rows",
                          "the end of text 258 is dropped: the embedding table has 258 rows"));
  EXPECT_THAT(text.eos_ids, ElementsAre(257));
  EXPECT_THAT(fit_vocabulary(text, 261), IsEmpty());  // tables are often padded
}

}  // namespace
}  // namespace weir::serve
