// What a dialect decides: how an error looks, and where a key stands.
#include "api/call_fixture.h"

namespace weir::api {
namespace {

constexpr Dialect kOther{.name = "Other",
                         .error_body = [](const Error& error) { return "<" + error.message + ">"; },
                         .error_schema = "{}",
                         .secret_header = "x-api-key",
                         .secret_scheme = ""};

class Dialects : public CallTest {
 protected:
  Said said(Code code, const Dialect* dialect) {
    Route route = routes()[0];
    route.dialect = dialect;
    return answer_error(Error{.code = code, .message = "why"}, &route, api);
  }
  static std::string header(const Said& said, const std::string& name) {
    for (const auto& [each, value] : said.headers)
      if (each == name) return value;
    return "none";
  }
};

TEST_F(Dialects, WriteTheErrorsOfTheirRoutes) {
  const Said other = said(Code::overloaded, &kOther);
  EXPECT_EQ(std::get<std::string>(other.body), "<why>");
  EXPECT_EQ(other.status, 503);
  EXPECT_EQ(header(other, "Retry-After"), "1");
  EXPECT_EQ(header(said(Code::unauthenticated, &kOther), "WWW-Authenticate"), "none");
}

TEST_F(Dialects, WithoutARouteItIsOpenAis) {
  const Said open =
      answer_error(Error{.code = Code::unauthenticated, .message = "why"}, nullptr, api);
  EXPECT_EQ(nlohmann::json::parse(std::get<std::string>(open.body))["error"]["message"], "why");
  EXPECT_EQ(header(open, "WWW-Authenticate"), "Bearer");
}

TEST_F(Dialects, OfAllRoutesHaveAnErrorThatTheirSchemaAllows) {
  for (const Route& route : routes()) {
    const auto schema = nlohmann::json::parse(route.dialect->error_schema);
    const Said error = answer_error(invalid("why", "field"), &route, api);
    const auto body = nlohmann::json::parse(std::get<std::string>(error.body));
    for (const auto& name : schema["required"]) EXPECT_TRUE(body.contains(name)) << route.path;
  }
}

}  // namespace
}  // namespace weir::api
