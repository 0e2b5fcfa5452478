#include "api/call_fixture.h"

namespace weir::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

class UsageRoute : public CallTest {
 protected:
  using Query = std::multimap<std::string, std::string>;
  Told usage(Query query, const char* accept = "") {
    return ask("GET", "/v1/usage", {.query = std::move(query), .accept = accept});
  }
};

TEST_F(UsageRoute, AnswersRows) {
  Told answer =
      usage({{"from", "2026-11-01"}, {"to", "2026-11-30"}, {"key", ""}, {"model", "a/b"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body,
            R"({"object":"list","data":[{"day":"2026-11-24","key":"web","model":"tiny",)"
            R"("requests":3,"refused":1,"input_tokens":36,"cached_tokens":0,"output_tokens":15,)"
            R"("wait_ms":0,"queue_ms":2,"compute_ms":41}]})");
  EXPECT_EQ(service.last_usage.from, "2026-11-01");
  EXPECT_EQ(service.last_usage.to, "2026-11-30");
  EXPECT_EQ(service.last_usage.key, "");
  EXPECT_EQ(service.last_usage.model, "a/b");
}

TEST_F(UsageRoute, CsvByParameterOrByAccept) {
  const std::string csv =
      "day,key,model,requests,refused,input_tokens,cached_tokens,output_tokens,wait_ms,queue_ms,"
      "compute_ms\r\n2026-11-24,web,tiny,3,1,36,0,15,0,2,41\r\n";
  Told asked = usage({{"format", "csv"}});
  EXPECT_EQ(asked.body, csv);
  EXPECT_THAT(asked.type, StartsWith("text/csv"));
  EXPECT_EQ(usage({}, "text/csv").body, csv);
  EXPECT_THAT(usage({{"format", "json"}}, "text/csv").body, StartsWith("{"));
}

TEST_F(UsageRoute, WrongParametersAreNamed) {
  const auto refused = [&](const Query& query) {
    Told answer = usage(query);
    EXPECT_EQ(answer.status, 400);
    return answer.json()["error"];
  };
  EXPECT_EQ(refused({{"day", "2026-11-01"}})["param"], "day");
  EXPECT_THAT(refused({{"day", "1"}})["message"], HasSubstr("from, to, key, model, format"));
  EXPECT_EQ(refused({{"key", "a"}, {"key", "b"}})["param"], "key");
  EXPECT_EQ(refused({{"format", "xml"}})["param"], "format");
}

TEST_F(UsageRoute, RefusalsOfTheServiceAreAnswered) {
  service.refusal = Error{.code = Code::permission_denied, .message = "not yours", .param = "key"};
  Told answer = usage({{"key", "app"}});
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.json()["error"]["param"], "key");
}

}  // namespace
}  // namespace weir::api
