// What becomes of fields that are not known: null is absence, others are ignored and told,
// misspellings of known ones are refused.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "api/codec/foreign_fields.h"
#include "api/codec/json_reader.h"
#include "api/codec/requests.h"
#include "weir/base/spelling.h"

namespace weir::api {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto kIgnore = UnknownFields::Rule::ignore;
constexpr auto kRefuse = UnknownFields::Rule::refuse;

json body_with(const json& fields, json message = json::object()) {
  message.update({{"role", "user"}, {"content", "hi"}});
  json body = {{"messages", {message}}};
  body.update(fields);
  return body;
}

struct Read {
  std::string message, param, code;
  std::vector<std::string> ignored;
};

Read read(const json& body, UnknownFields::Rule rule = kIgnore) {
  UnknownFields unknown(rule);
  auto chat = decode_chat(body.dump(), unknown);
  if (chat) return {.ignored = unknown.paths()};
  const Error& error = chat.error();
  return {error.message, error.param, error.name ? error.name : "", unknown.paths()};
}

TEST(UnknownFields, NullIsAbsenceAtEveryLevel) {
  for (auto rule : {kIgnore, kRefuse}) {
    json message;
    for (const char* name : {"name", "tool_calls", "tool_call_id", "function_call", "refusal",
                             "audio", "annotations", "provider_specific_fields", "colour"})
      message[name] = nullptr;
    json fields{{"stream", true}, {"suffix", nullptr}, {"temprature", nullptr}};
    fields["stream_options"] = {{"include_usage", nullptr}, {"x", nullptr}};
    fields["response_format"] = {{"type", "text"}, {"json_schema", nullptr}};
    fields["structured_outputs"] = {{"json", nullptr}, {"regex", nullptr}};
    fields["logit_bias"] = {{"5", nullptr}};
    json body = body_with(fields, message);
    body["messages"].push_back({{"role", "tool"}, {"content", "4"}, {"tool_call_id", nullptr}});
    body["messages"].push_back(
        {{"role", "user"},
         {"content", {{{"type", "text"}, {"text", "a"}, {"cache_control", nullptr}}}}});
    const Read result = read(body, rule);
    EXPECT_EQ(result.message, "");
    EXPECT_THAT(result.ignored, IsEmpty());
  }
}

TEST(UnknownFields, AreIgnoredAndToldAtEveryLevel) {
  json body = body_with({{"num_ctx", 4096},
                         {"keep_alive", "5m"},
                         {"stream", true},
                         {"stream_options", {{"later", 1}}}},
                        {{"id", "m1"}});
  body["messages"].push_back({{"role", "assistant"},
                              {"content", "yes"},
                              {"reasoning_content", "hm"},
                              {"provider_specific_fields", {{"refusal", nullptr}}}});
  body["messages"].push_back(
      {{"role", "user"},
       {"content", {{{"type", "text"}, {"text", "a"}, {"cache_control", {{"type", "x"}}}}}}});
  const Read result = read(body);
  EXPECT_EQ(result.message, "");
  EXPECT_THAT(result.ignored,
              ElementsAre("messages[0].id", "messages[1].provider_specific_fields",
                          "messages[1].reasoning_content", "messages[2].content[0].cache_control",
                          "stream_options.later", "keep_alive", "num_ctx"));
}

TEST(UnknownFields, AreIgnoredInEveryKindOfRequest) {
  UnknownFields unknown;
  EXPECT_TRUE(decode_completion(R"({"prompt":"a","tools":[1]})", unknown));
  EXPECT_TRUE(decode_embedding(R"({"input":"a","temperature":1})", unknown));
  EXPECT_TRUE(decode_tokenize(R"({"prompt":"a","add_special":true})", unknown));
  EXPECT_TRUE(decode_detokenize(R"({"tokens":[1],"colour":1})", unknown));
  EXPECT_THAT(unknown.paths(), ElementsAre("tools", "temperature", "add_special", "colour"));
  EXPECT_EQ(unknown.header(), "tools, temperature, add_special, colour");
}

TEST(UnknownFields, AreRefusedWhereTheServerIsStrict) {
  const Read result = read(body_with(json::object(), {{"colour", 1}}), kRefuse);
  EXPECT_EQ(result.message, "unknown field \"messages[0].colour\"");
  EXPECT_EQ(result.param, "messages[0].colour");
  EXPECT_EQ(result.code, "unknown_parameter");
  EXPECT_EQ(read(body_with({{"num_ctx", 1}}), kRefuse).param, "num_ctx");
}

TEST(UnknownFields, MisspellingsAreRefusedWithTheRightName) {
  const std::vector<std::pair<const char*, const char*>> names{
      {"temprature", "temperature"},
      {"temperatuer", "temperature"},
      {"maxTokens", "max_tokens"},
      {"max_token", "max_tokens"},
      {"straem", "stream"},
      {"stops", "stop"},
      {"modle", "model"},
      {"presense_penalty", "presence_penalty"}};
  for (auto [given, meant] : names) {
    for (auto rule : {kIgnore, kRefuse}) {
      const Read result = read(body_with({{given, 1}}), rule);
      EXPECT_EQ(result.message,
                fmt::format("unknown field \"{}\"; did you mean \"{}\"?", given, meant));
      EXPECT_EQ(result.param, given);
      EXPECT_EQ(result.code, "unknown_parameter");
    }
  }
  EXPECT_EQ(read(body_with(json::object(), {{"tool_cals", {1}}})).message,
            "unknown field \"messages[0].tool_cals\"; did you mean \"tool_calls\"?");
  EXPECT_EQ(read({{"mesages", {1}}}).message,
            "unknown field \"mesages\"; did you mean \"messages\"?");
}

TEST(UnknownFields, OfSeveralKnownNamesTheNearestIsMeant) {
  const std::vector<std::string_view> known{"temperatures", "temperature"};
  try {
    UnknownFields().meet("", "temperatur", known);
    FAIL() << "taken";
  } catch (const Refusal& refusal) {
    EXPECT_THAT(refusal.error.message, testing::HasSubstr("did you mean \"temperature\"?"));
  }
}

TEST(UnknownFields, OnlyTheFirstOfABodyAreComparedWithKnownNames) {
  json fields{{"temprature", 1}};
  for (int i = 10; i < 73; ++i) fields[fmt::format("a{}", i)] = 1;
  EXPECT_EQ(read(body_with(fields)).param, "temprature") << "the 64th";
  fields["a73"] = 1;
  EXPECT_EQ(read(body_with(fields)).message, "");
}

TEST(UnknownFields, ShortAndDistantNamesAreNoMisspellings) {
  // Four letters; one edit too many below eight letters; one too many above.
  for (const char* name : {"stip", "topp", "strm", "modell2", "sead", "temperater_k"})
    EXPECT_THAT(read(body_with({{name, 1}})).ignored, ElementsAre(name));
}

TEST(UnknownFields, NamesOfOtherProgramsAreNoMisspellings) {
  EXPECT_TRUE(edits_at_most("top_a", "top_p", 1));  // OpenRouter's
  for (const char* name : {"top_a", "top_n", "models", "context"}) {
    EXPECT_NE(program_of(name), "") << name;
    EXPECT_THAT(read(body_with({{name, 1}})).ignored, ElementsAre(name));
  }
  UnknownFields unknown;
  EXPECT_TRUE(decode_embedding(R"({"input":"a","inputs":"a"})", unknown));
  EXPECT_EQ(program_of("num_ctx"), "Ollama");
  EXPECT_EQ(program_of("cache_control"), "Anthropic");
  EXPECT_EQ(program_of("num"), "");
  EXPECT_EQ(program_of("num_ctx num_predict"), "");
  EXPECT_EQ(program_of(""), "");
}

TEST(UnknownFields, KnownOnesThatAreNotBuiltStayRefused) {
  const Read result = read(body_with({{"tools", {{{"type", "function"}}}}}));
  EXPECT_EQ(result.message, "\"tools\" is not supported");
  EXPECT_EQ(result.code, "unsupported_parameter");
  EXPECT_EQ(read(body_with(json::object(), {{"tool_calls", {1}}})).param, "messages[0].tool_calls");
}

TEST(UnknownFields, TheHeaderHoldsOneKilobyteOfPrintableNames) {
  UnknownFields one;
  one.meet("", fmt::format("a\r\nx-evil: 1,\xc3\xa9{:b>100}", ""), {});
  EXPECT_EQ(one.header(), fmt::format("a??x-evil:?1???{:b>49}", ""));
  UnknownFields many;
  for (int i = 0; i < 100'000; ++i) many.meet("messages[0]", fmt::format("n{}", i), {});
  EXPECT_EQ(many.count(), 100'000u);
  EXPECT_LE(many.header().size(), 1024u);
  EXPECT_GE(many.header().size(), 1000u);
  EXPECT_TRUE(many.header().ends_with(", ..."));
  EXPECT_THAT(many.paths(), SizeIs(testing::Lt(100u)));
}

// The names that clients branch on, as OpenAI spells them.
TEST(ErrorNames, AreOpenAis) {
  const std::vector<std::pair<json, const char*>> bodies{
      {json::object(), "missing_required_parameter"},
      {{{"messages", json::array()}}, "empty_array"},
      {{{"messages", 5}}, "invalid_type"},
      {body_with({{"temperature", "1"}}), "invalid_type"},
      {body_with({{"temperature", 2.5}}), "decimal_above_max_value"},
      {body_with({{"temperature", -1}}), "decimal_below_min_value"},
      {body_with({{"max_tokens", 0}}), "integer_below_min_value"},
      {body_with({{"max_tokens", 4294967296}}), "integer_above_max_value"},
      {body_with({{"max_tokens", UINT64_MAX}}), "integer_above_max_value"},
      {body_with({{"max_tokens", -1e30}}), "integer_below_min_value"},
      {body_with({{"max_tokens", 1.5}}), "invalid_type"},
      {body_with({{"stop", ""}}), "string_below_min_length"},
      {body_with({{"stop", std::string(1025, 'a')}}), "string_above_max_length"},
      {body_with({{"stop_token_ids", std::vector<int>(257, 1)}}), "array_above_max_length"},
      {body_with({{"service_tier", "flex"}}), "unsupported_value"},
      {body_with({{"best_of", 2}}), "unsupported_parameter"},
      {{{"messages", {{{"role", "robot"}, {"content", "a"}}}}}, "invalid_value"}};
  for (const auto& [body, code] : bodies) EXPECT_EQ(read(body).code, code) << body;
}

}  // namespace
}  // namespace weir::api
