/// A request takes room before its body is read, and its turn before it is parsed.
#include "fakes/recorded_preparation.h"
#include "http/server_fixture.h"

namespace weir::http {
namespace {

class IntakeRoute : public ServerTest {
 protected:
  IntakeRoute() { service.preparation = preparation; }
  std::shared_ptr<fakes::RecordedPreparation> preparation =
      std::make_shared<fakes::RecordedPreparation>();
};

TEST_F(IntakeRoute, ABodyWithoutRoomIsRefusedBeforeItIsRead) {
  preparation->most = 100;
  start();
  RawAnswer answer =
      ask("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.json()["error"]["code"], "overloaded");
  EXPECT_EQ(answer.headers["retry-after"], "1");
  EXPECT_EQ(answer.headers["connection"], "close");
  answer =
      ask("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n78\r\n" +
          std::string(120, ' ') + "\r\n0\r\n\r\n");
  EXPECT_EQ(answer.status, 503);
}

TEST_F(IntakeRoute, NothingIsParsedWithoutATurn) {
  preparation->no_turn = Error{.code = Code::deadline, .message = "too late"};
  start();
  RawAnswer answer = ask(post("/tokenize", "no JSON"));
  EXPECT_EQ(answer.status, 504);
  EXPECT_EQ(answer.json()["error"]["message"], "too late");
  EXPECT_EQ(preparation->runs, 0);
}

TEST_F(IntakeRoute, EveryRouteThatReadsABodyTakesATurnAndGivesItBack) {
  start();
  const std::pair<const char*, std::string> requests[] = {
      {"/v1/chat/completions", kChat},          {"/v1/chat/completions", kChatStream},
      {"/v1/completions", R"({"prompt":"a"})"}, {"/v1/embeddings", R"({"input":"a"})"},
      {"/tokenize", R"({"prompt":"a"})"},       {"/detokenize", R"({"tokens":[1]})"}};
  for (const auto& [path, body] : requests) {
    preparation->turns = preparation->runs = 0;
    preparation->held.clear();
    EXPECT_EQ(ask(post(path, body)).status, 200) << path;
    EXPECT_EQ(preparation->turns, 1) << path;
    EXPECT_GE(preparation->runs, 1) << path;
    EXPECT_THAT(preparation->held, testing::ElementsAre(body.size())) << path;
  }
  // The fixture's, the service's, and that of the caller whom the service remembers.
  service.last_caller = {};
  EXPECT_TRUE(soon([this] { return preparation.use_count() == 2; }));
}

TEST_F(IntakeRoute, WhatHasNoBodyNeedsNeither) {
  start();
  EXPECT_EQ(ask(get("/v1/models")).status, 200);
  EXPECT_EQ(ask(get("/health")).status, 200);
  EXPECT_EQ(preparation->turns, 0);
}

}  // namespace
}  // namespace weir::http
