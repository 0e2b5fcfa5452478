#include <gmock/gmock.h>

#include "serve/brownout_state.h"
#include "weir/serve/brownout.h"

namespace weir::serve {
namespace {

using testing::HasSubstr;

const std::vector<BrownoutModel> kModels{{"big"},
                                         {"small"},
                                         {"tiny"},
                                         {"vectors", Tasks{HeadTask::embed}},
                                         {.name = "translator", .encoder_decoder = true},
                                         {.name = "small translator", .encoder_decoder = true}};

std::vector<BrownoutRule> rules(const std::vector<std::string>& texts) {
  auto parsed = parse_brownout(texts, kModels);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? *parsed : std::vector<BrownoutRule>{};
}

std::string refusal(const std::vector<std::string>& texts) {
  auto parsed = parse_brownout(texts, kModels);
  return parsed ? "taken" : parsed.error().message;
}

TEST(BrownoutRules, EachFormIsReadAndWrittenAlike) {
  for (const char* text :
       {"queue>=200:max-tokens=64", "queue>=1:min-priority=5", "queue>=300:model=big>small"}) {
    EXPECT_EQ(rules({text}).at(0).text(), text);
  }
  const auto read = rules({"queue>=200:max-tokens=64", "queue>=300:model=big>small"});
  EXPECT_EQ(read[0].mark, 200U);
  EXPECT_EQ(std::get<BrownoutRule::MaxTokens>(read[0].action).most, 64U);
  EXPECT_EQ(read[0].action_text(), "max-tokens=64");
  EXPECT_EQ(std::get<BrownoutRule::Twin>(read[1].action).model, "big");
  EXPECT_EQ(std::get<BrownoutRule::Twin>(read[1].action).twin, "small");
}

TEST(BrownoutRules, AWrongOneIsNamedWithWhatIsWrong) {
  const std::string form =
      "the form is queue>=MARK:ACTION with ACTION one of max-tokens=N, min-priority=P, model=A>B";
  for (const char* text : {"", "queue>200:max-tokens=64", "queue>=200",
                           "queue>=200:", "queue>=200:stop", "queue>=200:model=big"}) {
    EXPECT_EQ(refusal({text}), "rule \"" + std::string(text) + "\": " + form);
  }
  EXPECT_EQ(refusal({"queue>=0:max-tokens=64"}),
            "rule \"queue>=0:max-tokens=64\": queue is \"0\"; a whole number from 1 to 1000000 is "
            "wanted");
  EXPECT_EQ(refusal({"queue>=2:max-tokens=6 4"}),
            "rule \"queue>=2:max-tokens=6 4\": max-tokens is \"6 4\"; a whole number from 1 to "
            "16777216 is wanted");
  EXPECT_THAT(refusal({"queue>=2:min-priority=10"}),
              HasSubstr("min-priority is \"10\"; a whole number from 1 to 9 is wanted"));
  EXPECT_THAT(refusal({"queue>=2:max-tokens=4", "queue>=2:max-tokens=4"}),
              HasSubstr("it is given twice"));
}

TEST(BrownoutRules, TwinsAreModelsThatAreServedAndGenerate) {
  EXPECT_EQ(refusal({"queue>=2:model=big>none"}),
            "rule \"queue>=2:model=big>none\": model \"none\" is not served");
  EXPECT_EQ(refusal({"queue>=2:model=vectors>small"}),
            "rule \"queue>=2:model=vectors>small\": model \"vectors\" makes embeddings, and "
            "vectors and scores of two models cannot be compared");
  EXPECT_THAT(refusal({"queue>=2:model=big>big"}), HasSubstr("a model is not its own twin"));
  EXPECT_EQ(refusal({"queue>=2:model=big>small", "queue>=3:model=small>tiny"}),
            "rule \"queue>=2:model=big>small\": rule \"queue>=3:model=small>tiny\" sends its twin "
            "elsewhere");
  EXPECT_EQ(
      refusal({"queue>=2:model=translator>small"}),
      "rule \"queue>=2:model=translator>small\": one of the models is an encoder-decoder, and "
      "a prompt means something else to it");
  EXPECT_THAT(refusal({"queue>=2:model=small>translator"}), HasSubstr("is an encoder-decoder"));
  EXPECT_EQ(refusal({"queue>=2:model=translator>small translator"}), "taken");
}

class BrownoutStateTest : public testing::Test {
 protected:
  Measures look(BrownoutState& state, size_t waiting, const std::string& model = "big") {
    changes_.clear();
    return state.look(model, waiting, changes_);
  }
  std::vector<BrownoutState::Change> changes_;
};

TEST_F(BrownoutStateTest, SetsInAtItsMarkAndEndsBelowHalfOfIt) {
  BrownoutState state(rules({"queue>=10:max-tokens=64"}));
  EXPECT_FALSE(look(state, 9).max_tokens);
  EXPECT_TRUE(changes_.empty());
  EXPECT_TRUE(look(state, 10).max_tokens);
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_TRUE(changes_[0].begins);
  EXPECT_TRUE(look(state, 9).max_tokens);
  EXPECT_TRUE(look(state, 5).max_tokens);
  EXPECT_TRUE(changes_.empty());
  EXPECT_FALSE(look(state, 4).max_tokens);
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_FALSE(changes_[0].begins);
  EXPECT_FALSE(look(state, 9).max_tokens);
}

TEST_F(BrownoutStateTest, AMarkOfOneEndsWhenNothingWaits) {
  BrownoutState state(rules({"queue>=1:max-tokens=64"}));
  EXPECT_TRUE(look(state, 1).max_tokens);
  EXPECT_FALSE(look(state, 0).max_tokens);
}

TEST_F(BrownoutStateTest, EachModelHasItsOwnQueueAndATwinRelievesOnlyItsModel) {
  BrownoutState state(rules({"queue>=10:max-tokens=64", "queue>=10:model=big>small"}));
  EXPECT_TRUE(look(state, 10).twin);
  EXPECT_FALSE(look(state, 9, "small").max_tokens);
  const Measures small = look(state, 10, "small");
  EXPECT_TRUE(small.max_tokens);
  EXPECT_FALSE(small.twin);
}

TEST_F(BrownoutStateTest, OfSeveralTheStrictestHolds) {
  BrownoutState state(
      rules({"queue>=20:max-tokens=16", "queue>=10:max-tokens=64", "queue>=10:min-priority=3",
             "queue>=20:min-priority=6", "queue>=20:model=big>tiny", "queue>=10:model=big>small"}));
  Measures measures = look(state, 10);
  EXPECT_EQ(measures.max_tokens->action_text(), "max-tokens=64");
  EXPECT_EQ(measures.min_priority->action_text(), "min-priority=3");
  EXPECT_EQ(measures.twin->action_text(), "model=big>small");
  measures = look(state, 20);
  EXPECT_EQ(measures.max_tokens->action_text(), "max-tokens=16");
  EXPECT_EQ(measures.min_priority->action_text(), "min-priority=6");
  EXPECT_EQ(measures.twin->action_text(), "model=big>tiny");
}

}  // namespace
}  // namespace weir::serve
