// The document of the routes, and what the routes answer held against it.
#include <set>

#include "api/call_fixture.h"
#include "api/openapi/document.h"
#include "api/schema/route_schema.h"
#include "api/schema_check.h"

namespace weir::api {
namespace {

using testing::HasSubstr;
using testing::Not;

class OpenApi : public CallTest {
 protected:
  Json document() { return Json::parse(get("/openapi.json").body); }

  /// Empty: the answer is one that the document has.
  static std::string fault(const Json& document, const Route& route, const Told& told) {
    std::string method(route.method == "GET" ? "get" : "post");
    const Json& responses = document["paths"][std::string(route.path)][method]["responses"];
    const std::string status = std::to_string(told.status);
    if (!responses.contains(status)) return "status " + status;
    const Json& content = responses[status]["content"];
    const std::string type = told.type.substr(0, told.type.find(';'));
    if (!content.contains(type)) return "type " + type;
    const Json& schema = content[type]["schema"];
    const SchemaCheck check(document);
    if (type == "application/json") return check.violation(schema, Json::parse(told.body));
    if (type != "text/event-stream") return "";
    const Json& data = schema["properties"]["data"]["anyOf"];
    for (const std::string& event : events(told.body)) {
      if (event == data[0]["const"]) continue;
      if (auto why = check.violation(data[1]["contentSchema"], Json::parse(event)); !why.empty())
        return why;
    }
    return "";
  }
};

TEST_F(OpenApi, HasEveryRouteAndNoOther) {
  const Json all = document();
  EXPECT_EQ(all["openapi"], "3.1.0");
  EXPECT_EQ(all["info"]["version"], "1.2.3");
  std::set<std::string> written, served, ids;
  for (const auto& [path, methods] : all["paths"].items())
    for (const auto& [method, operation] : methods.items()) {
      written.insert((method == "get" ? "GET " : "POST ") + path);
      EXPECT_TRUE(ids.insert(operation["operationId"]).second);
    }
  for (const Route& route : routes())
    served.insert(std::string(route.method) + " " + std::string(route.path));
  EXPECT_EQ(written, served);
  EXPECT_EQ(all["paths"]["/v1/models/{id}"]["get"]["operationId"], "get_v1_models_id");
}

TEST_F(OpenApi, ExamplesAreAnsweredAsItSays) {
  service.script.logprobs = {{.id = 5,
                              .bytes = "Hi",
                              .logprob = -0.5F,
                              .rank = 1,
                              .top = {{5, -0.5F, "Hi"}, {6, -1, "!"}}}};
  service.script.prompt_logprobs = {{.id = 1, .bytes = "<s>"},
                                    {.id = 2, .bytes = "a", .logprob = -1.5F, .rank = 2}};
  service.preview = {.model = "tiny",
                     .prompts = {{"<s>hi", {.ids = {1, 7}}}},
                     .limits = {{"key web", "tokens", "60s", 100, -3, {}}},
                     .refusal = Error{.code = Code::overloaded, .message = "full"}};
  const Json all = document();
  for (const Route& route : routes()) {
    Call call{.tail = "tiny", .body = route.schema->example ? route.schema->example : ""};
    std::string path(route.path);
    if (path.ends_with("{id}")) path.replace(path.size() - 4, 4, "tiny");
    Told told = ask(route.method, path, std::move(call));
    EXPECT_EQ(told.status, 200) << path << told.body;
    EXPECT_EQ(fault(all, route, told), "") << path << told.body;
    if (!route.dry_run) continue;
    told = ask(route.method, path, {.body = route.schema->example, .dry_run = true});
    EXPECT_EQ(fault(all, route, told), "") << path << told.body;
    Json more = Json::parse(route.schema->example);
    if (more.contains("input")) more["encoding_format"] = "base64";
    if (more.contains("prompt")) more["logprobs"] = 2;
    if (more.contains("messages")) more["logprobs"] = true;
    if (more.contains("logprobs"))
      more.update({{"return_token_ids", true}, {"prompt_logprobs", 2}});
    told = ask(route.method, path, {.body = more.dump()});
    EXPECT_EQ(told.status, 200) << told.body;
    EXPECT_EQ(fault(all, route, told), "") << path << told.body;
    if (!route.schema->event) continue;
    more.update({{"stream", true}, {"prompt_logprobs", nullptr}});
    for (const char* usage : {"include_usage", "continuous_usage_stats"}) {
      more["stream_options"] = {{usage, true}};
      told = ask(route.method, path, {.body = more.dump()});
      EXPECT_THAT(told.body, HasSubstr("[DONE]"));
      EXPECT_EQ(fault(all, route, told), "") << path << told.body;
    }
    service.script.fails_after = Error{.message = "why"};
    told = ask(route.method, path, {.body = more.dump()});
    EXPECT_THAT(told.body, Not(HasSubstr("[DONE]")));
    EXPECT_EQ(fault(all, route, told), "") << path << told.body;
    service.script.fails_after.reset();
  }
}

TEST_F(OpenApi, ErrorsOfTheServiceAreThereForEveryRouteThatAsksAModel) {
  const Json all = document();
  for (const Route& route : routes()) {
    if (!route.schema->request || route.path.find("/v1/") != 0) continue;
    for (const Code code : kModelErrors) {
      service.refusal = Error{.code = code, .message = "why", .param = "model"};
      const Told told = post(route.path, route.schema->example);
      EXPECT_NE(told.status, 200);
      EXPECT_EQ(fault(all, route, told), "") << route.path << told.body;
    }
  }
}

TEST_F(OpenApi, ASick503HasTheBodyOfHealth) {
  service.alive = service.ready = false;
  const Json all = document();
  for (const Route& route : routes()) {
    if (!route.schema->answers_503) continue;
    const Told told = get(route.path);
    EXPECT_EQ(told.status, 503);
    EXPECT_EQ(fault(all, route, told), "") << told.body;
  }
}

TEST_F(OpenApi, SaysWhereAKeyIsWanted) {
  const Json open = document();
  EXPECT_EQ(open["paths"]["/v1/models"]["get"]["security"], Json::parse(R"([{},{"OpenAI":[]}])"));
  EXPECT_EQ(open["paths"]["/health"]["get"]["security"], Json::array());
  EXPECT_EQ(open["components"]["securitySchemes"]["OpenAI"],
            Json::parse(R"({"type":"http","scheme":"bearer"})"));
  EXPECT_FALSE(open["paths"]["/v1/models"]["get"]["responses"].contains("401"));
  service.wanted_key = "sesame";
  const Json closed = document();
  EXPECT_EQ(closed["paths"]["/v1/models"]["get"]["security"], Json::parse(R"([{"OpenAI":[]}])"));
  EXPECT_TRUE(closed["paths"]["/v1/models"]["get"]["responses"].contains("401"));
}

TEST_F(OpenApi, NamesTheHeadersThatARouteReads) {
  const Json all = document();
  const auto headers = [&](const char* path, const char* method) {
    std::set<std::string> names;
    for (const Json& each : all["paths"][path][method]["parameters"])
      if (each["in"] == "header") names.insert(each["name"]);
    return names;
  };
  EXPECT_EQ(headers("/health", "get"), std::set<std::string>{"x-request-id"});
  EXPECT_TRUE(headers("/v1/completions", "post").contains("x-weir-dry-run"));
  EXPECT_FALSE(headers("/tokenize", "post").contains("x-weir-dry-run"));
}

TEST_F(OpenApi, ThePageShowsEveryRouteAndNeedsNothingElse) {
  const Told page = ask("GET", "/docs", {.host = "api.example:81\"'><x"});
  EXPECT_EQ(page.type, "text/html; charset=utf-8");
  EXPECT_THAT(page.headers.at("Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(page.headers.at("Content-Security-Policy"), Not(HasSubstr("script")));
  for (const Route& route : routes())
    EXPECT_THAT(page.body, HasSubstr("</b> " + std::string(route.path) + "</h2>"));
  EXPECT_THAT(page.body, HasSubstr("<code>temperature</code></td><td>number, 0 to 2, or null"));
  EXPECT_THAT(page.body,
              HasSubstr(R"(curl 'http://api.example:81&quot;'\''&gt;&lt;x/v1/embeddings')"));
  for (const char* never : {"<x", "<script", "src=", "@import", "url("})
    EXPECT_THAT(page.body, Not(HasSubstr(never)));
}

TEST_F(OpenApi, ThePagesCommandsHaveTheKeyWhereOneIsWanted) {
  EXPECT_THAT(get("/docs").body, Not(HasSubstr("WEIR_KEY")));
  service.wanted_key = "sesame";
  EXPECT_THAT(get("/docs").body, HasSubstr("Authorization: Bearer $WEIR_KEY"));
  EXPECT_THAT(get("/docs").body, Not(HasSubstr("sesame")));
}

}  // namespace
}  // namespace weir::api
