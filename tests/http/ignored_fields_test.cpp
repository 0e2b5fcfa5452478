// How a client, the metrics and the log learn of fields that were ignored.
#include <fmt/format.h>

#include "http/server_fixture.h"
#include "weir/base/log.h"

namespace weir::http {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

class IgnoredFieldsTest : public ServerTest {
 protected:
  std::string ignored(const std::string& path, const json& body, const std::string& headers = "") {
    RawAnswer answer = ask(post(path, body.dump(), headers));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.headers.count("x-weir-ignored") ? answer.headers["x-weir-ignored"] : "none";
  }
  static json chat(json message = json::object()) {
    message.update({{"role", "user"}, {"content", "hi"}});
    return {{"messages", {message}}};
  }
};

TEST_F(IgnoredFieldsTest, AreToldInAHeaderByEveryRoute) {
  start();
  EXPECT_EQ(ignored("/v1/chat/completions", chat()), "none");
  json body = chat({{"provider_specific_fields", {{"refusal", nullptr}}}});
  const char* told = "messages[0].provider_specific_fields";
  EXPECT_EQ(ignored("/v1/chat/completions", body), told);
  EXPECT_EQ(ignored("/v1/chat/completions", body, "x-weir-dry-run: true\r\n"), told);
  EXPECT_EQ(ignored("/tokenize", body), told);
  body["stream"] = true;
  EXPECT_EQ(ignored("/v1/chat/completions", body), told);
  EXPECT_EQ(ignored("/v1/completions", {{"prompt", "a"}, {"num_ctx", 1}, {"think", true}}),
            "num_ctx, think");
  EXPECT_EQ(ignored("/v1/embeddings", {{"input", "a"}, {"input_type", "query"}}), "input_type");
  EXPECT_EQ(ignored("/detokenize", {{"tokens", {1}}, {"raw", true}}), "raw");
}

TEST_F(IgnoredFieldsTest, AreToldBesideAnError) {
  start();
  service.refusal = Error{.code = Code::not_found, .message = "no such model", .param = "model"};
  RawAnswer answer = ask(post("/v1/completions", R"({"prompt":"a","num_ctx":1,"model":"nobody"})"));
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.headers["x-weir-ignored"], "num_ctx");
}

TEST_F(IgnoredFieldsTest, CannotWriteHeadersOfTheirOwn) {
  start();
  EXPECT_EQ(ignored("/v1/completions", {{"prompt", "a"}, {"a\r\nx-evil: 1", 1}}), "a??x-evil:?1");
}

TEST_F(IgnoredFieldsTest, AreRefusedWhereTheServerIsStrict) {
  options.refuse_unknown_fields = true;
  start();
  RawAnswer answer = ask(post("/v1/completions", R"({"prompt":"a","num_ctx":1})"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.json()["error"]["code"], "unknown_parameter");
  EXPECT_EQ(answer.json()["error"]["param"], "num_ctx");
}

TEST_F(IgnoredFieldsTest, AreCountedAndLoggedOnceAName) {
  start();
  testing::internal::CaptureStderr();
  ASSERT_TRUE(start_log(LogFormat::text, "info"));
  json body = chat({{"id", "s3cret"}});
  body["messages"].push_back(body["messages"][0]);
  body["num_ctx"] = "s3cret";
  for (int i = 0; i < 2; ++i) ignored("/v1/chat/completions", body);
  for (int i = 0; i < 120; ++i)
    ignored("/v1/completions", {{"prompt", "a"}, {fmt::format("q{}", i), 1}});
  EXPECT_TRUE(soon([&] { return server->in_flight() == 0; }));
  EXPECT_TRUE(drain_log(std::chrono::seconds(30)));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("ignored: num_ctx, of Ollama\n"));
  EXPECT_THAT(log, HasSubstr("ignored: messages[].id, of OpenAI\n"));
  EXPECT_THAT(log, HasSubstr("ignored: q97\n"));
  EXPECT_THAT(log, Not(HasSubstr("ignored: q98\n")));
  EXPECT_THAT(log, Not(HasSubstr("s3cret")));
  EXPECT_EQ(log.find("ignored: num_ctx"), log.rfind("ignored: num_ctx"));
  EXPECT_THAT(metrics.text(), HasSubstr("weir_http_ignored_fields_total 126\n"));
}

}  // namespace
}  // namespace weir::http
