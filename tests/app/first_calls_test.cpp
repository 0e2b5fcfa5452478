#include "app/first_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using weir::serve::HeadTask;

namespace weir::app {
namespace {

const Offer kChat{.model = "chat", .tasks = {HeadTask::generate}, .converses = true};
const Offer kBase{.model = "base", .tasks = {HeadTask::generate}};
const Offer kTranslator{.model = "enja", .tasks = {HeadTask::generate}, .encoder_decoder = true};
const Offer kReader{.model = "reader",
                    .tasks = {HeadTask::embed, HeadTask::classify, HeadTask::tag}};

std::vector<std::string> calls(const std::vector<Offer>& offers, bool wants_key = false) {
  return first_calls(offers, "localhost:9000", wants_key);
}

TEST(FirstCalls, AreOneOfEachKindOfTask) {
  EXPECT_THAT(
      calls({kBase, kChat, kReader, kTranslator}),
      ElementsAre(
          R"(try: curl localhost:9000/v1/chat/completions \)"
          "\n"
          R"(     -d '{"model":"chat","max_tokens":64,)"
          R"("messages":[{"role":"user","content":"Name three fruits."}]}')",
          R"(try: curl localhost:9000/v1/completions -d '{"model":"enja","prompt":"The river is )"
          R"(wide."}')",
          R"(try: curl localhost:9000/v1/embeddings -d '{"model":"reader","input":"A weir holds )"
          R"(back water."}')",
          R"(try: curl localhost:9000/v1/classify -d '{"model":"reader","input":"I love this )"
          R"(river."}')",
          R"(try: curl localhost:9000/v1/tag -d '{"model":"reader","input":"Ada lived in London."}')"));
}

TEST(FirstCalls, ACompletionStandsForAChatThatNoModelTakes) {
  EXPECT_THAT(calls({kBase}), ElementsAre(StartsWith("try: curl localhost:9000/v1/completions")));
  EXPECT_THAT(calls({}), ElementsAre());
}

TEST(FirstCalls, HaveTheHeaderWhereKeysAreOnAndAtMost120Columns) {
  for (const std::string& call : calls({kChat, kTranslator, kReader}, true)) {
    EXPECT_THAT(call, HasSubstr(R"( -H "Authorization: Bearer $WEIR_API_KEY" )"));
    for (size_t begin = 0; begin < call.size();) {
      const size_t end = std::min(call.find('\n', begin), call.size());
      EXPECT_LE(end - begin, 120u) << call;
      begin = end + 1;
    }
  }
  EXPECT_THAT(calls({kChat}, true)[0], HasSubstr(R"(Bearer $WEIR_API_KEY" \)"
                                                 "\n     -d '{"));
}

TEST(FirstCalls, AreQuotedForAShell) {
  Offer odd = kReader;
  odd.model = R"(it's"odd\)";
  EXPECT_THAT(calls({odd})[0], HasSubstr(R"('{"model":"it'\''s\"odd\\",)"));
  EXPECT_THAT(first_calls(std::vector{kReader}, "[fe80::1]:80", false)[0],
              StartsWith("try: curl '[fe80::1]:80/v1/embeddings' "));
}

TEST(ReachableHost, IsLocalhostForLoopbackAndForAllAddresses) {
  for (const char* host : {"0.0.0.0", "::", "127.0.0.1", "::1", "localhost"})
    EXPECT_EQ(reachable_host(host), "localhost") << host;
  EXPECT_EQ(reachable_host("10.0.0.7"), "10.0.0.7");
  EXPECT_EQ(reachable_host("127.0.0.5"), "127.0.0.5");
  EXPECT_EQ(reachable_host("fe80::1"), "[fe80::1]");
}

}  // namespace
}  // namespace weir::app
