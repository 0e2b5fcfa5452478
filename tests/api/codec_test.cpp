// From JSON to requests: every value that is taken, every fault with its message and param.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "api/codec/reading_requests.h"
#include "api/codec/requests.h"

namespace weir::api {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

template <class Decoded>
Result<Decoded> strictly(Result<Decoded> (*decode)(const std::string&, UnknownFields&),
                         const std::string& body) {
  UnknownFields unknown(UnknownFields::Rule::refuse);
  return decode(body, unknown);
}
auto decode_chat(const std::string& body) { return strictly(api::decode_chat, body); }
auto decode_completion(const std::string& body) { return strictly(api::decode_completion, body); }
auto decode_embedding(const std::string& body) { return strictly(api::decode_embedding, body); }
auto decode_tokenize(const std::string& body) { return strictly(api::decode_tokenize, body); }
auto decode_detokenize(const std::string& body) { return strictly(api::decode_detokenize, body); }

json chat_body() { return {{"model", "m"}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}}; }

std::string with(const char* field, const json& value) {
  json body = chat_body();
  body[field] = value;
  return body.dump();
}

std::string completion_with(const char* field, const json& value) {
  json body = {{"prompt", "p"}};
  body[field] = value;
  return body.dump();
}

std::string not_supported(const char* name) {
  return std::string(1, '"').append(name).append("\" is not supported");
}

struct Fault {
  std::string body, message, param;
};

void expect_fault(const Fault& fault) {
  auto decoded = decode_chat(fault.body);
  ASSERT_FALSE(decoded) << fault.body;
  EXPECT_EQ(decoded.error().code, Code::invalid_argument) << fault.body;
  EXPECT_THAT(decoded.error().message, HasSubstr(fault.message)) << fault.body;
  EXPECT_EQ(decoded.error().param, fault.param) << fault.body;
}

const serve::Chat& conversation_of(const DecodedGeneration& decoded) {
  return std::get<serve::Chat>(decoded.ask.inputs.at(0));
}
serve::Generate generate_of(const DecodedGeneration& decoded) {
  return std::get<serve::Generate>(decoded.ask.options);
}
serve::Sampling sampling_of(const DecodedGeneration& decoded) {
  return generate_of(decoded).sampling;
}

TEST(Codec, ReadsEveryChatField) {
  auto chat = decode_chat(R"({
    "model": "m", "messages": [
      {"role": "system", "content": "be brief"},
      {"role": "developer", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
      {"role": "user", "content": "hi", "name": "ann"},
      {"role": "assistant", "content": null, "refusal": null, "tool_calls": [], "annotations": []},
      {"role": "tool", "content": "42", "tool_call_id": "c1"}],
    "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "seed": 18446744073709551615,
    "max_completion_tokens": 5.0, "min_tokens": 2, "ignore_eos": true, "stop": ["a", "b"],
    "stop_token_ids": [1, 2.0], "include_stop_str_in_output": true, "skip_special_tokens": false,
    "stream": true, "stream_options": {"include_usage": true, "continuous_usage_stats": true},
    "return_token_ids": true, "chat_template_kwargs": {"thinking": false},
    "add_generation_prompt": false, "timeout": 1.5,
    "priority": 3})");
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->ask.model, "m");
  const serve::Chat& conversation = conversation_of(*chat);
  EXPECT_EQ(
      json::parse(conversation.messages),
      json::parse(
          R"([{"role":"system","content":"be brief"},{"role":"developer","content":"one\ntwo"},
                {"role":"user","content":"hi","name":"ann"},{"role":"assistant","content":""},
                {"role":"tool","content":"42","tool_call_id":"c1"}])"));
  EXPECT_EQ(conversation.template_kwargs, R"({"thinking":false})");
  EXPECT_FALSE(conversation.add_generation_prompt);
  const auto& sampling = sampling_of(*chat);
  EXPECT_EQ(sampling.temperature, 0.5f);
  EXPECT_EQ(sampling.top_p, 0.9f);
  EXPECT_EQ(sampling.top_k, 40u);
  EXPECT_EQ(sampling.min_p, 0.05f);
  EXPECT_EQ(sampling.seed, UINT64_MAX);
  EXPECT_EQ(sampling.max_tokens, 5u);
  EXPECT_EQ(sampling.min_tokens, 2u);
  EXPECT_TRUE(sampling.ignore_eos);
  EXPECT_THAT(sampling.stop, ElementsAre("a", "b"));
  EXPECT_THAT(sampling.stop_token_ids, ElementsAre(1, 2));
  EXPECT_TRUE(sampling.include_stop_str_in_output);
  EXPECT_FALSE(sampling.skip_special_tokens);
  EXPECT_TRUE(chat->presentation.stream);
  EXPECT_TRUE(chat->presentation.include_usage);
  EXPECT_TRUE(chat->presentation.continuous_usage);
  EXPECT_TRUE(chat->presentation.return_token_ids);
  EXPECT_EQ(chat->handling.timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(chat->handling.priority, 3);
}

TEST(Codec, WhatIsAbsentOrNullStaysUnset) {
  for (const std::string& body :
       {chat_body().dump(), with("temperature", nullptr), with("stop", nullptr),
        with("max_tokens", nullptr), with("no_such_field", nullptr)}) {
    auto chat = decode_chat(body);
    ASSERT_TRUE(chat) << chat.error().message;
    const auto& sampling = sampling_of(*chat);
    EXPECT_FALSE(sampling.temperature || sampling.top_p || sampling.top_k || sampling.min_p ||
                 sampling.seed || sampling.max_tokens);
    EXPECT_TRUE(sampling.stop.empty());
    EXPECT_TRUE(conversation_of(*chat).add_generation_prompt);
    EXPECT_FALSE(chat->presentation.stream);
    EXPECT_EQ(conversation_of(*chat).template_kwargs, "");
  }
}

TEST(Codec, SpecialValuesOfSampling) {
  EXPECT_EQ(sampling_of(*decode_chat(with("top_k", -1))).top_k, 0u);
  EXPECT_EQ(sampling_of(*decode_chat(with("top_k", 0))).top_k, 0u);
  EXPECT_EQ(sampling_of(*decode_chat(with("seed", -1))).seed, UINT64_MAX);
  EXPECT_EQ(sampling_of(*decode_chat(with("temperature", 0))).temperature, 0.0f);
  EXPECT_THAT(sampling_of(*decode_chat(with("stop", "x"))).stop, ElementsAre("x"));
  EXPECT_EQ(sampling_of(*decode_chat(with("max_tokens", 7))).max_tokens, 7u);
}

TEST(Codec, BrokenJsonSaysWhere) {
  expect_fault({"", "the body is not valid JSON: parse error at line 1, column 1", ""});
  expect_fault({"{\"a\": }", "not valid JSON: parse error at line 1, column 7", ""});
  expect_fault({"{} x", "not valid JSON", ""});
  expect_fault({"{\"temperature\": NaN}", "not valid JSON", ""});
  expect_fault({"{\"temperature\": 1e999}", "not valid JSON", ""});
  expect_fault({"{\"temperature\": Infinity}", "not valid JSON", ""});
  expect_fault({"{\"model\": \"\xff\"}", "not valid JSON", ""});
  expect_fault({"{\"model\": \"\xed\xa0\x80\"}", "not valid JSON", ""});
  expect_fault({"{\"model\": \"\\ud800\"}", "not valid JSON", ""});
  expect_fault({"[1]", "the body must be a JSON object, not an array", ""});
  expect_fault({"\"x\"", "the body must be a JSON object, not a string", ""});
  expect_fault({R"({"model":"a","model":"b"})", "field \"model\" is given twice", "model"});
  expect_fault(
      {R"({"messages":[{"role":"user","role":"user"}]})", "field \"role\" is given twice", "role"});
}

TEST(Codec, WhatAClientSentIsQuotedInBounds) {
  auto decoded = decode_chat(with(std::string(100'000, 'x').c_str(), 1));
  ASSERT_FALSE(decoded);
  std::string quoted(64, 'x');
  EXPECT_EQ(decoded.error().message, std::string("unknown field \"").append(quoted).append("…\""));
  EXPECT_EQ(decoded.error().param.size(), 200u);
}

TEST(Codec, TheTemplateSeesFieldsInTheClientsOrder) {
  auto chat = decode_chat(R"({"model": "m", "messages": [
      {"name": "ann", "role": "user", "content": "hi"},
      {"content": [{"text": "a", "type": "text"}], "role": "user"},
      {"tool_calls": null, "role": "assistant"}],
    "chat_template_kwargs": {"z": {"y": 1, "b": 2.5, "x": null}, "a": [{"n": "é", "m": true}]}})");
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(
      conversation_of(*chat).messages,
      R"([{"name":"ann","role":"user","content":"hi"},{"content":"a","role":"user"},{"role":"assistant","content":""}])");
  EXPECT_EQ(conversation_of(*chat).template_kwargs,
            R"({"z":{"y":1,"b":2.5,"x":null},"a":[{"n":"é","m":true}]})");
}

TEST(Codec, ManyFieldsAreNotLookedThroughForEachOther) {
  // The square of their number would be a minute.
  std::string kwargs = "{";
  for (int i = 0; i < 100'000; ++i)
    kwargs.append(i > 0 ? ",\"" : "\"").append(std::to_string(i)).append("\":0");
  kwargs += '}';
  std::string body = chat_body().dump();
  body.pop_back();
  auto chat = decode_chat(body + R"(,"chat_template_kwargs":)" + kwargs + "}");
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(conversation_of(*chat).template_kwargs, kwargs);
}

TEST(Codec, NestingIsBound) {
  auto nested = [](size_t depth) {
    json body = chat_body();
    std::string kwargs = std::string(depth, '[') + std::string(depth, ']');
    std::string text = body.dump();
    text.pop_back();
    return text + R"(,"chat_template_kwargs":{"a":)" + kwargs + "}}";
  };
  EXPECT_TRUE(decode_chat(nested(98)));
  expect_fault({nested(99), "nested deeper than 100 levels", ""});
  expect_fault({std::string(1'000'000, '['), "nested deeper than 100 levels", ""});
}

TEST(Codec, ValuesAreBound) {
  const auto filled = [](const std::string& value, size_t count) {
    std::string list = value;
    list.reserve(count * (value.size() + 1));
    for (size_t i = 1; i < count; ++i) list.append(1, ',').append(value);
    return R"({"messages":[{"role":"user","content":"hi"}],"chat_template_kwargs":{"a":[)" + list +
           "]}}";
  };
  // Beside the list's elements: 5 names, 2 texts, 2 lists and 3 objects.
  EXPECT_TRUE(decode_chat(filled("{}", 250'000 - 12)));
  for (const char* value : {"{}", "[]", "\"\"", "null", "true"})
    expect_fault({filled(value, 250'001 - 12), "the body has more than 250000 names, texts", ""});
  expect_fault({filled("0", (size_t{4} << 20) + 1), "the body has more than 4194304 numbers", ""});
  std::string names = R"({"":0)";
  for (int i = 0; i < 250'000; ++i) names += ",\"" + std::to_string(i) + "\":0";
  expect_fault({names + "}", "the body has more than 250000 names, texts", ""});
}

TEST(Codec, FaultsAreNamedByPath) {
  const std::vector<Fault> faults{
      {"{}", "messages is missing", "messages"},
      {with("messages", nullptr), "messages is missing", "messages"},
      {with("messages", json::array()), "messages must not be empty", "messages"},
      {with("messages", "hi"), "messages must be an array, not a string", "messages"},
      {with("messages", {1}), "messages[0] must be an object, not a number", "messages[0]"},
      {with("messages", json::parse(R"([{"role":"user","content":"a"},{"role":"user"}])")),
       "messages[1].content is missing", "messages[1].content"},
      {with("messages", json::parse(R"([{"content":"a"}])")), "messages[0].role is missing",
       "messages[0].role"},
      {with("messages", json::parse(R"([{"role":"robot","content":"a"}])")),
       "messages[0].role is \"robot\"; the roles are system", "messages[0].role"},
      {with("messages", json::parse(R"([{"role":"user","content":5}])")),
       "messages[0].content must be a string or an array of text parts, not a number",
       "messages[0].content"},
      {with("messages", json::parse(R"([{"role":"user","content":[]}])")),
       "messages[0].content must not be empty", "messages[0].content"},
      {with("messages",
            json::parse(R"([{"role":"user","content":[{"type":"image_url","image_url":{}}]}])")),
       "messages[0].content[0].type is \"image_url\"; only text is supported",
       "messages[0].content[0].type"},
      {with("messages", json::parse(R"([{"role":"user","content":[{"type":"text","text":1}]}])")),
       "messages[0].content[0].text must be a string, not a number", "messages[0].content[0].text"},
      {with("messages", json::parse(R"([{"role":"user","content":"a","colour":1}])")),
       "unknown field \"messages[0].colour\"", "messages[0].colour"},
      {with("messages", json::parse(R"([{"role":"assistant","tool_calls":[{"id":"a"}]}])")),
       "\"messages[0].tool_calls\" is not supported", "messages[0].tool_calls"},
      {with("foo", 1), "unknown field \"foo\"", "foo"},
      {with("model", 5), "model must be a string, not a number", "model"},
      {with("temperature", "1"), "temperature must be a number, not a string", "temperature"},
      {with("temperature", 2.5), "temperature must be from 0 to 2, not 2.5", "temperature"},
      {with("temperature", -0.1), "temperature must be from 0 to 2, not -0.1", "temperature"},
      {with("top_p", 1.01), "top_p must be from 0 to 1, not 1.01", "top_p"},
      {with("min_p", -1), "min_p must be from 0 to 1, not -1", "min_p"},
      {with("top_k", -2), "top_k must be from -1 to 2147483647, not -2", "top_k"},
      {with("top_k", true), "top_k must be a whole number, not a boolean", "top_k"},
      {with("max_tokens", 5.5), "max_tokens must be a whole number, not 5.5", "max_tokens"},
      {with("max_tokens", 0), "max_tokens must be from 1 to 2147483647, not 0", "max_tokens"},
      {with("max_tokens", 4294967296), "max_tokens must be from 1", "max_tokens"},
      {with("max_tokens", UINT64_MAX), "max_tokens must be from 1", "max_tokens"},
      {with("max_tokens", 1e30), "max_tokens must be from 1", "max_tokens"},
      {with("max_tokens", "5"), "max_tokens must be a whole number, not a string", "max_tokens"},
      {with("min_tokens", -1), "min_tokens must be from 0", "min_tokens"},
      {with("seed", 0.5), "seed must be a whole number, not 0.5", "seed"},
      {with("seed", 1e20),
       "seed must be from -9223372036854775808 to 18446744073709551615, not 1e+20", "seed"},
      {with("seed", -1e19),
       "seed must be from -9223372036854775808 to 18446744073709551615, not -1e+19", "seed"},
      {with("stop", 5), "stop must be a string or an array of strings, not a number", "stop"},
      {with("stop", ""), "stop must not be empty", "stop"},
      {with("stop", {"a", 1}), "stop[1] must be a string, not a number", "stop[1]"},
      {with("stop", std::vector<std::string>(17, std::string(1000, 'a'))),
       "stop has more than 16384 bytes in all", "stop"},
      {with("stop", std::string(1025, 'a')), "stop has 1025 bytes; the limit is 1024", "stop"},
      {with("stop_token_ids", {-1}), "stop_token_ids[0] must be from 0", "stop_token_ids[0]"},
      {with("stream", "yes"), "stream must be a boolean, not a string", "stream"},
      {with("stream_options", {{"include_usage", true}}), "only allowed with \"stream\": true",
       "stream_options"},
      {with("model", ""), "model must not be empty", "model"},
      {with("priority", 10), "priority must be from 0 to 9, not 10", "priority"},
      {with("priority", -1), "priority must be from 0 to 9, not -1", "priority"},
      {with("timeout", 0), "timeout must be from 0.001 to 86400, not 0", "timeout"},
      {with("chat_template_kwargs", "x"), "chat_template_kwargs must be an object, not a string",
       "chat_template_kwargs"},
      {with("metadata", "x"), "metadata must be an object, not a string", "metadata"},
      {with("store", true), "\"store\": true is not supported", "store"},
      {with("service_tier", "flex"), "service_tier \"flex\" is not supported", "service_tier"},
  };
  for (const Fault& fault : faults) expect_fault(fault);
  json both = chat_body();
  both["max_tokens"] = 4;
  both["max_completion_tokens"] = 5;
  expect_fault(
      {both.dump(), "max_tokens is 4 and max_completion_tokens is 5", "max_completion_tokens"});
  both["max_completion_tokens"] = 4;
  both["min_tokens"] = 5;
  expect_fault({both.dump(), "min_tokens is 5, over max_tokens, 4", "min_tokens"});
  json options = chat_body();
  options["stream"] = true;
  options["stream_options"] = {{"x", true}};
  expect_fault({options.dump(), "unknown field \"stream_options.x\"", "stream_options.x"});
}

TEST(Codec, StreamOptionsThatAskForNothingAreAbsent) {
  json body = chat_body();
  body["stream_options"] = {{"include_usage", nullptr}};
  EXPECT_TRUE(decode_chat(body.dump()));
}

TEST(Codec, APromptInAListIsListed) {
  const auto listed = [&](const std::string& input) {
    const std::string value = input + "}";
    auto embedding = decode_embedding(R"({"input":)" + value);
    auto completion = decode_completion(R"({"prompt":)" + value);
    EXPECT_TRUE(embedding && completion) << input;
    EXPECT_EQ(embedding->ask.listed, completion->ask.listed);
    return embedding->ask.listed;
  };
  EXPECT_TRUE(listed("[[1]]"));
  EXPECT_TRUE(listed(R"(["a"])"));
  EXPECT_FALSE(listed("[1]"));
  EXPECT_FALSE(listed(R"("a")"));
}

TEST(Codec, HarmlessFieldsAndNoOpValuesAreTaken) {
  const std::vector<std::pair<const char*, json>> fields{{"user", "u"},
                                                         {"metadata", {{"a", "b"}}},
                                                         {"store", false},
                                                         {"service_tier", "auto"},
                                                         {"safety_identifier", "s"},
                                                         {"prompt_cache_key", "k"},
                                                         {"n", 1},
                                                         {"n", 1.0},
                                                         {"best_of", 1},
                                                         {"logprobs", false},
                                                         {"top_logprobs", 0},
                                                         {"logit_bias", json::object()},
                                                         {"presence_penalty", 0},
                                                         {"frequency_penalty", 0.0},
                                                         {"repetition_penalty", 1.0},
                                                         {"response_format", {{"type", "text"}}},
                                                         {"tools", json::array()},
                                                         {"tool_choice", "none"},
                                                         {"tool_choice", "auto"},
                                                         {"parallel_tool_calls", true},
                                                         {"functions", json::array()},
                                                         {"modalities", {"text"}},
                                                         {"guided_json", nullptr},
                                                         {"structured_outputs", nullptr},
                                                         {"audio", nullptr},
                                                         {"prediction", nullptr},
                                                         {"reasoning_effort", nullptr},
                                                         {"continue_final_message", false},
                                                         {"add_special_tokens", false},
                                                         {"use_beam_search", false},
                                                         {"bad_words", json::array()},
                                                         {"priority", 0}};
  for (const auto& [name, value] : fields) {
    auto chat = decode_chat(with(name, value));
    EXPECT_TRUE(chat) << name << " " << value << ": " << chat.error().message;
  }
}

TEST(Codec, FieldsThatAreNotBuiltAreRefusedByName) {
  const std::vector<std::pair<const char*, json>> fields{
      {"best_of", 3},
      {"response_format", {{"type", "json_object"}}},
      {"tools", {{{"type", "function"}}}},
      {"tool_choice", "required"},
      {"functions", {{{"name", "f"}}}},
      {"guided_json", json::object()},
      {"guided_regex", "a"},
      {"structured_outputs", {{"json", "x"}}},
      {"audio", json::object()},
      {"modalities", {"text", "audio"}},
      {"prediction", {{"type", "content"}}},
      {"reasoning_effort", "high"},
      {"continue_final_message", true},
      {"add_special_tokens", true},
      {"chat_template", "x"},
      {"echo", true},
      {"truncate_prompt_tokens", 5}};
  for (const auto& [name, value] : fields) {
    expect_fault({with(name, value), not_supported(name), name});
  }
  for (auto [name, value] :
       std::vector<std::pair<const char*, json>>{{"suffix", "x"}, {"best_of", 2}}) {
    auto completion = decode_completion(completion_with(name, value));
    ASSERT_FALSE(completion);
    EXPECT_EQ(completion.error().message, not_supported(name));
  }
  EXPECT_TRUE(decode_completion(completion_with("suffix", "")));
  auto tools = decode_completion(completion_with("tools", json::array()));
  ASSERT_FALSE(tools);
  EXPECT_EQ(tools.error().message, "unknown field \"tools\"");
}

TEST(Codec, WhatChangesTheLogits) {
  const json asked{
      {"presence_penalty", -2},      {"frequency_penalty", 0.5},
      {"repetition_penalty", 1.5},   {"logit_bias", {{"5", -200.5}, {"0", nullptr}, {"17", 1}}},
      {"bad_words", {"no", " way"}}, {"allowed_token_ids", {9, 3}}};
  json chat = chat_body(), completion{{"prompt", "a"}};
  chat.update(asked);
  completion.update(asked);
  const auto of_chat = decode_chat(chat.dump());
  ASSERT_TRUE(of_chat) << of_chat.error().message;
  const auto of_completion = decode_completion(completion.dump());
  ASSERT_TRUE(of_completion) << of_completion.error().message;
  for (const serve::Sampling& sampling : {sampling_of(*of_chat), sampling_of(*of_completion)}) {
    EXPECT_EQ(sampling.presence_penalty, -2.0F);
    EXPECT_EQ(sampling.frequency_penalty, 0.5F);
    EXPECT_EQ(sampling.repetition_penalty, 1.5F);
    EXPECT_THAT(sampling.logit_bias,
                testing::UnorderedElementsAre(testing::Pair(5, -200.5F), testing::Pair(17, 1.0F)));
    EXPECT_THAT(sampling.bad_words, ElementsAre("no", " way"));
    EXPECT_THAT(sampling.allowed_token_ids, ElementsAre(9, 3));
  }
  const auto plain = decode_chat(chat_body().dump());
  EXPECT_FALSE(sampling_of(*plain).presence_penalty);
  EXPECT_FALSE(sampling_of(*plain).repetition_penalty);
}

TEST(Codec, WhatChangesTheLogitsIsHeldToItsLimits) {
  json many = json::object();
  for (int i = 0; i < 1025; ++i) many[std::to_string(i)] = 1;
  const std::vector<Fault> faults{
      {with("presence_penalty", 2.5), "presence_penalty must be from -2 to 2, not 2.5",
       "presence_penalty"},
      {with("frequency_penalty", "x"), "frequency_penalty must be a number, not a string",
       "frequency_penalty"},
      {with("repetition_penalty", 0), "repetition_penalty must be from 0.001 to 1000, not 0",
       "repetition_penalty"},
      {with("logit_bias", {{"x", 1}}), "logit_bias has \"x\" where a token id from 0 to",
       "logit_bias.x"},
      {with("logit_bias", {{"05", 1}}), "logit_bias has \"05\" where a token id", "logit_bias.05"},
      {with("logit_bias", {{"-1", 1}}), "logit_bias has \"-1\" where a token id", "logit_bias.-1"},
      {with("logit_bias", {{"99999999999", 1}}), "where a token id", "logit_bias.99999999999"},
      {with("logit_bias", {{"5", "x"}}), "logit_bias.5 must be a number, not a string",
       "logit_bias.5"},
      {with("logit_bias", json::array({1})), "logit_bias must be an object, not an array",
       "logit_bias"},
      {with("logit_bias", many), "logit_bias has more than 1024 ids", "logit_bias"},
      {with("bad_words", "no"), "bad_words must be an array, not a string", "bad_words"},
      {with("bad_words", {"a", ""}), "bad_words[1] must not be empty", "bad_words[1]"},
      {with("bad_words", {std::string(1025, 'x')}),
       "bad_words[0] has 1025 bytes; the limit is 1024", "bad_words[0]"},
      {with("bad_words", std::vector<std::string>(16'385, "x")),
       "bad_words has more than 16384 bytes in all", "bad_words"},
      {with("allowed_token_ids", json::array()), "allowed_token_ids must not be empty",
       "allowed_token_ids"},
      {with("allowed_token_ids", {1, "x"}),
       "allowed_token_ids[1] must be a whole number, not a string", "allowed_token_ids[1]"},
  };
  for (const Fault& fault : faults) expect_fault(fault);
  many.erase("0");
  EXPECT_TRUE(decode_chat(with("logit_bias", many)));
}

TEST(Codec, LogprobsOfChatsAreAFlagAndANumber) {
  json body = chat_body();
  body["logprobs"] = true;
  EXPECT_EQ(decode_chat(body.dump())->presentation.logprobs, 0U);
  body["top_logprobs"] = 20;
  body["prompt_logprobs"] = 3;
  auto chat = decode_chat(body.dump());
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->presentation.logprobs, 20U);
  EXPECT_EQ(sampling_of(*chat).logprobs, 20U);
  EXPECT_EQ(chat->presentation.prompt_logprobs, 3U);
  EXPECT_EQ(sampling_of(*chat).prompt_logprobs, 3U);
  EXPECT_FALSE(decode_chat(with("top_logprobs", 0))->presentation.logprobs);
  expect_fault({with("top_logprobs", 1),
                "top_logprobs is 1, which is only allowed with \"logprobs\": true",
                "top_logprobs"});
  expect_fault({with("logprobs", 1), "logprobs must be a boolean, not a number", "logprobs"});
  body["top_logprobs"] = 21;
  expect_fault({body.dump(), "top_logprobs must be from 0 to 20, not 21", "top_logprobs"});
  body["top_logprobs"] = 1;
  body["stream"] = true;
  expect_fault({body.dump(), "prompt_logprobs is 3, which is not allowed with \"stream\": true",
                "prompt_logprobs"});
}

TEST(Codec, LogprobsAndEchoOfCompletions) {
  auto completion = decode_completion(
      R"({"prompt":"a","logprobs":5,"prompt_logprobs":0,"echo":true,"max_tokens":0})");
  ASSERT_TRUE(completion) << completion.error().message;
  EXPECT_TRUE(generate_of(*completion).echo && completion->presentation.echo);
  EXPECT_EQ(sampling_of(*completion).max_tokens, 0U);
  EXPECT_EQ(sampling_of(*completion).logprobs, 5U);
  EXPECT_EQ(completion->presentation.logprobs, 5U);
  EXPECT_EQ(completion->presentation.prompt_logprobs, 0U);
  EXPECT_FALSE(decode_completion(completion_with("logprobs", false))->presentation.logprobs);
  EXPECT_FALSE(generate_of(*decode_completion(completion_with("echo", false))).echo);
  for (auto [name, value, message] : std::vector<std::tuple<const char*, json, const char*>>{
           {"logprobs", true, "logprobs must be a whole number, not a boolean"},
           {"logprobs", 21, "logprobs must be from 0 to 20, not 21"},
           {"prompt_logprobs", -1, "prompt_logprobs must be from 0 to 20, not -1"},
           {"echo", 1, "echo must be a boolean, not a number"},
           {"max_tokens", 0, "max_tokens must be from 1 to 2147483647, not 0"}}) {
    auto refused = decode_completion(completion_with(name, value));
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().message, message);
    EXPECT_EQ(refused.error().param, name);
  }
}

TEST(Codec, ADecoderPromptIsOneTextOrItsIds) {
  const auto read = [](const json& value) {
    auto decoded = decode_completion(completion_with("decoder_prompt", value));
    EXPECT_TRUE(decoded) << decoded.error().message;
    return generate_of(*decoded).decoder_prompt;
  };
  EXPECT_EQ(std::get<serve::Text>(*read("こん")).text, "こん");
  EXPECT_EQ(std::get<serve::Text>(*read("")).text, "");
  EXPECT_EQ(std::get<serve::Ids>(*read({0, 5})), (serve::Ids{0, 5}));
  EXPECT_EQ(std::get<serve::Ids>(*read(json::array())), serve::Ids{});
  EXPECT_FALSE(read(nullptr));
  for (auto [value, message, param] : std::vector<std::tuple<json, const char*, const char*>>{
           {1, "decoder_prompt must be a string or token ids, not a number", "decoder_prompt"},
           {{"a"}, "decoder_prompt[0] must be a whole number, not a string", "decoder_prompt[0]"},
           {{{1}}, "decoder_prompt[0] must be a whole number, not an array", "decoder_prompt[0]"},
           {{-1}, "decoder_prompt[0] must be from 0 to 2147483647, not -1", "decoder_prompt[0]"}}) {
    auto refused = decode_completion(completion_with("decoder_prompt", value));
    ASSERT_FALSE(refused) << value;
    EXPECT_EQ(refused.error().message, message);
    EXPECT_EQ(refused.error().param, param);
  }
}

TEST(Codec, PromptsOfEveryForm) {
  using Prompt = std::variant<std::string, serve::Ids>;
  auto prompts = [](const char* text) {
    auto decoded = decode_completion(std::string(R"({"prompt":)").append(text).append("}"));
    EXPECT_TRUE(decoded) << text << decoded.error().message;
    std::vector<Prompt> read;
    for (const serve::Input& input : decoded->ask.inputs) {
      if (const auto* ids = std::get_if<serve::Ids>(&input))
        read.emplace_back(*ids);
      else
        read.emplace_back(std::get<serve::Text>(input).text);
    }
    return read;
  };
  EXPECT_THAT(prompts(R"("a")"), ElementsAre(Prompt("a")));
  EXPECT_THAT(prompts(R"(["a","b"])"), ElementsAre(Prompt("a"), Prompt("b")));
  EXPECT_THAT(prompts("[1,2]"), ElementsAre(Prompt(std::vector<int32_t>{1, 2})));
  EXPECT_THAT(prompts("[[1],[2,3]]"),
              ElementsAre(Prompt(std::vector<int32_t>{1}), Prompt(std::vector<int32_t>{2, 3})));

  for (auto [text, message] : std::vector<std::pair<const char*, const char*>>{
           {"[]", "prompt must not be empty"},
           {"[[]]", "prompt[0] must not be empty"},
           {"5", "prompt must be a string, an array of strings, token ids"},
           {"[1,\"a\"]", "prompt[1] must be a whole number, not a string"},
           {"[\"a\",5]", "prompt[1] must be a string, an array of strings"},
           {"[-1]", "prompt[0] must be from 0 to 2147483647, not -1"},
           {"[[1],[1.5]]", "prompt[1][0] must be a whole number, not 1.5"},
           {"null", "prompt is missing"}}) {
    auto decoded = decode_completion(std::string(R"({"prompt":)").append(text).append("}"));
    ASSERT_FALSE(decoded) << text;
    EXPECT_THAT(decoded.error().message, HasSubstr(message));
  }
}

TEST(Codec, ListsAreBoundByBytesAndByTheQueueNotByTheirNumber) {
  const std::vector<std::string> many(3000, "a");
  EXPECT_EQ(decode_completion(json{{"prompt", many}}.dump())->ask.inputs.size(), 3000u);
  EXPECT_EQ(decode_embedding(json{{"input", many}}.dump())->ask.inputs.size(), 3000u);
  EXPECT_EQ(sampling_of(*decode_chat(with("stop", many))).stop.size(), 3000u);
}

TEST(Codec, Embeddings) {
  auto plain =
      decode_embedding(R"({"input":["a","b"],"dimensions":64,"truncate_prompt_tokens":8})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->ask.inputs.size(), 2u);
  const auto& embed = std::get<serve::Embed>(plain->ask.options);
  EXPECT_EQ(embed.dimensions, 64u);
  EXPECT_EQ(embed.truncation.tokens, 8u);
  EXPECT_FALSE(embed.truncation.truncate || plain->base64);
  auto other =
      decode_embedding(R"({"input":"a","encoding_format":"base64","truncate_prompt_tokens":-1})");
  ASSERT_TRUE(other);
  const auto& cut = std::get<serve::Embed>(other->ask.options).truncation;
  EXPECT_TRUE(other->base64 && cut.truncate);
  EXPECT_FALSE(cut.tokens);
  for (auto [body, message] : std::vector<std::pair<const char*, const char*>>{
           {R"({})", "input is missing"},
           {R"({"input":"a","encoding_format":"hex"})",
            "encoding_format is \"hex\"; the formats are float, base64"},
           {R"({"input":"a","dimensions":0})", "dimensions must be from 1"},
           {R"({"input":"a","truncate_prompt_tokens":0})",
            "truncate_prompt_tokens must be -1 or at least 1"},
           {R"({"input":"a","temperature":1})", "unknown field \"temperature\""}}) {
    auto decoded = decode_embedding(body);
    ASSERT_FALSE(decoded) << body;
    EXPECT_THAT(decoded.error().message, HasSubstr(message));
  }
}

TEST(Codec, Tokenize) {
  auto text = decode_tokenize(
      R"({"model":"m","prompt":"a","add_special_tokens":false,"return_token_strs":true})");
  ASSERT_TRUE(text);
  EXPECT_EQ(std::get<serve::Text>(text->input).text, "a");
  EXPECT_FALSE(std::get<serve::Text>(text->input).add_special);
  EXPECT_TRUE(text->with_pieces);
  auto chat = decode_tokenize(
      R"({"model":"m","messages":[{"role":"user","content":"a"}],"add_generation_prompt":false})");
  ASSERT_TRUE(chat);
  EXPECT_EQ(std::get<serve::Chat>(chat->input).messages, R"([{"role":"user","content":"a"}])");
  EXPECT_FALSE(std::get<serve::Chat>(chat->input).add_generation_prompt);
  EXPECT_EQ(decode_tokenize("{}").error().message, "give either prompt or messages");
  EXPECT_EQ(decode_tokenize(R"({"prompt":"a","messages":[]})").error().message,
            "give either prompt or messages");
  EXPECT_THAT(decode_detokenize(R"({"tokens":[3,4]})")->ids, ElementsAre(3, 4));
  EXPECT_EQ(decode_detokenize(R"({"tokens":"a"})").error().param, "tokens");
}

TEST(Codec, TextsToClassifyMayBePairs) {
  auto decoded = strictly(
      decode_classify, R"({"input":["a",["b","c"]],"top_k":2,"raw_scores":true,"truncate":true})");
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->ask.inputs.size(), 2U);
  EXPECT_FALSE(std::get<serve::Text>(decoded->ask.inputs[0]).pair);
  EXPECT_EQ(std::get<serve::Text>(decoded->ask.inputs[1]).text, "b");
  EXPECT_EQ(std::get<serve::Text>(decoded->ask.inputs[1]).pair, "c");
  const auto& classify = std::get<serve::Classify>(decoded->ask.options);
  EXPECT_EQ(classify.top_k, 2U);
  EXPECT_TRUE(classify.raw_scores && classify.truncation.truncate);
  for (auto [body, message] : std::vector<std::pair<const char*, const char*>>{
           {R"({"input":[["a"]]})", "input[0] has 1 entries; a pair is two texts"},
           {R"({"input":[["a","b","c"]]})", "input[0] has 3 entries"},
           {R"({"input":[["a",1]]})", "input[0][1] must be a string"},
           {R"({"input":[1]})", "input[0] must be a string or an array of two, not a number"},
           {R"({"input":[]})", "input must not be empty"},
           {R"({"input":"a","top_k":0})", "top_k must be from 1"}}) {
    auto refused = strictly(decode_classify, body);
    ASSERT_FALSE(refused) << body;
    EXPECT_THAT(refused.error().message, HasSubstr(message));
  }
}

TEST(Codec, TextsToTag) {
  auto decoded = strictly(decode_tag, R"({"input":["a"],"aggregation":"first","truncate":true})");
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_TRUE(decoded->ask.listed);
  const auto& tag = std::get<serve::Tag>(decoded->ask.options);
  EXPECT_EQ(tag.aggregation, serve::Aggregation::first);
  EXPECT_TRUE(tag.truncate);
  EXPECT_EQ(std::get<serve::Tag>(strictly(decode_tag, R"({"input":"a"})")->ask.options).aggregation,
            serve::Aggregation::simple);
  EXPECT_EQ(strictly(decode_tag, R"({"input":"a","aggregation":"average"})").error().message,
            "aggregation is \"average\"; the ways are none, simple, first, max");
  EXPECT_FALSE(strictly(decode_tag, R"({"input":[["a","b"]]})"));
}

TEST(Codec, SeveralTasksOfOneText) {
  auto decoded = strictly(decode_analyze, R"({"input":"a","truncate":true,"tasks":{
      "embed":{"dimensions":8,"encoding_format":"base64"},"classify":{"top_k":1},"tag":{}}})");
  ASSERT_TRUE(decoded) << decoded.error().message;
  const auto& analyze = std::get<serve::Analyze>(decoded->ask.options);
  EXPECT_EQ(analyze.embed->dimensions, 8U);
  EXPECT_EQ(analyze.classify->top_k, 1U);
  EXPECT_EQ(analyze.tag->aggregation, serve::Aggregation::simple);
  EXPECT_TRUE(analyze.truncate && decoded->base64);
  for (auto [body, message] : std::vector<std::pair<const char*, const char*>>{
           {R"({"input":"a"})", "tasks is missing"},
           {R"({"input":"a","tasks":{}})", "tasks names none of"},
           {R"({"input":"a","tasks":{"tag":{"truncate":true}}})", "tasks.tag.truncate"},
           {R"({"input":"a","tasks":{"fill":{}}})", "tasks.fill"},
           {R"({"input":"a","tasks":{"tag":{"aggregation":"x"}}})", "tasks.tag.aggregation is"}}) {
    auto refused = strictly(decode_analyze, body);
    ASSERT_FALSE(refused) << body;
    EXPECT_THAT(refused.error().message, HasSubstr(message));
  }
}

}  // namespace
}  // namespace weir::api
