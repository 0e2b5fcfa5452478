#include "app/client/conversation.h"

#include <gtest/gtest.h>

using nlohmann::json;

namespace weir::app {
namespace {

json messages(const Conversation& conversation) {
  return json::parse(conversation.body("tiny"))["messages"];
}

json message(const char* role, const char* text) { return {{"role", role}, {"content", text}}; }

TEST(Conversation, HasAllThatWasSaid) {
  Conversation conversation(ChatOptions{.system = "Be brief.", .max_tokens = 7});
  conversation.say("Hi");
  conversation.answer("Hello!");
  conversation.say("Bye");
  EXPECT_EQ(messages(conversation), json({message("system", "Be brief."), message("user", "Hi"),
                                          message("assistant", "Hello!"), message("user", "Bye")}));
  const json body = json::parse(conversation.body("tiny"));
  EXPECT_EQ(body["model"], "tiny");
  EXPECT_EQ(body["max_tokens"], 7);
  EXPECT_EQ(body["stream"], true);
  EXPECT_EQ(body["stream_options"]["continuous_usage_stats"], true);
}

TEST(Conversation, CanBeTakenBackAndBegunAnew) {
  Conversation conversation(ChatOptions{.system = "Be brief."});
  conversation.say("Hi");
  conversation.take_back();
  EXPECT_EQ(messages(conversation), json::array({message("system", "Be brief.")}));
  conversation.say("Hi");
  conversation.clear();
  EXPECT_EQ(messages(conversation), json::array({message("system", "Be brief.")}));
}

TEST(Conversation, WithoutOptionsHasNeitherSystemMessageNorLimit) {
  Conversation conversation(ChatOptions{});
  conversation.say("Hi");
  EXPECT_EQ(messages(conversation), json::array({message("user", "Hi")}));
  EXPECT_FALSE(json::parse(conversation.body("tiny")).contains("max_tokens"));
}

}  // namespace
}  // namespace weir::app
