// What the schemas of requests say is what the codecs take: the same fields at every level, and the
// same values of each.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "api/codec/reading_requests.h"
#include "api/codec/requests.h"
#include "api/openai/request_schemas.h"
#include "api/openai/schemas.h"
#include "api/routes/schemas.h"
#include "api/schema_check.h"

namespace weir::api {
namespace {

using Names = std::map<std::string, std::set<std::string>>;  // of fields, by the object's path

std::string without_places(const std::string& path) {
  std::string plain;
  bool inside = false;
  for (const char c : path) {
    if (c == ']') inside = false;
    if (!inside) plain += c;
    if (c == '[') inside = true;
  }
  return plain;
}

/// Remembers which fields a codec asked for.
class Recorder final : public UnknownFields {
 public:
  explicit Recorder(Names& names) : names_(names) {}
  void meet(const std::string& path, std::string_view,
            std::span<const std::string_view> known) override {
    names_[without_places(path)].insert(known.begin(), known.end());
  }

 private:
  Names& names_;
};

void collect(const Json& schema, const std::string& path, Names& names) {
  for (const Json& one : schema.value("anyOf", Json::array())) collect(one, path, names);
  if (schema.contains("items")) collect(schema["items"], path + "[]", names);
  // Judged as a whole.
  if (path == "response_format" || !schema.contains("properties")) return;
  for (const auto& [name, inner] : schema["properties"].items()) {
    names[path].insert(name);
    collect(inner, path.empty() ? name : path + "." + name, names);
  }
}

using Decode = std::function<bool(const std::string&, UnknownFields&)>;
template <class Decoded>
Decode taken_by(Result<Decoded> (*decode)(const std::string&, UnknownFields&)) {
  return [decode](const std::string& body, UnknownFields& unknown) {
    return static_cast<bool>(decode(body, unknown));
  };
}

/// A kind of body: what reads it, its schema, and bodies that are taken. Each field's values are
/// tried in each of these, since some fields want others beside them.
struct Kind {
  const char* name;
  Decode decode;
  Json schema;
  std::vector<Json> bodies;
};

std::vector<Json> bodies(std::initializer_list<const char*> texts) {
  std::vector<Json> all;
  for (const char* text : texts) all.push_back(Json::parse(text));
  return all;
}

const char* const kMessages =
    R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},
                    {"role":"assistant","content":"b"},{"role":"tool","content":"c"}]})";

std::vector<Kind> kinds() {
  return {{"chat", taken_by(decode_chat), openai::chat_request(),
           bodies({kMessages, R"({"messages":[{"role":"user","content":"a"}],"stream":true,
                                  "stream_options":{}})",
                   R"({"messages":[{"role":"user","content":"a"}],"logprobs":true})",
                   R"({"messages":[{"role":"user","content":"a"}],"num_beams":16})"})},
          {"completion", taken_by(decode_completion), openai::completion_request(),
           bodies({R"({"prompt":"a"})", R"({"prompt":"a","stream":true,"stream_options":{}})",
                   R"({"prompt":"a","echo":true})", R"({"prompt":"a","num_beams":16})"})},
          {"embedding", taken_by(decode_embedding), openai::embedding_request(),
           bodies({R"({"input":"a"})"})},
          {"classify", taken_by(decode_classify), kClassify.request(),
           bodies({R"({"input":"a"})", R"({"input":["a",["b","c"]]})"})},
          {"tag", taken_by(decode_tag), kTag.request(), bodies({R"({"input":"a"})"})},
          {"analyze", taken_by(decode_analyze), kAnalyze.request(),
           bodies({R"({"input":"a","tasks":{"embed":{},"classify":{},"tag":{}}})"})},
          {"tokenize", taken_by(decode_tokenize), kTokenize.request(),
           bodies({R"({"prompt":"a"})", kMessages})},
          {"detokenize", taken_by(decode_detokenize), kDetokenize.request(),
           bodies({R"({"tokens":[1]})"})}};
}

/// Adds a field that is not known to every object of a body.
void add_unknown(Json& value) {
  if (value.is_object()) value["zzzz"] = 1;
  if (value.is_structured())
    for (Json& inner : value) add_unknown(inner);
}

TEST(RequestSchemas, HaveTheFieldsThatCodecsAskFor) {
  for (const Kind& kind : kinds()) {
    Names asked, written;
    for (Json body : kind.bodies) {
      add_unknown(body);
      Recorder recorder(asked);
      EXPECT_TRUE(kind.decode(body.dump(), recorder)) << kind.name << body;
    }
    collect(kind.schema, "", written);
    EXPECT_EQ(asked, written) << kind.name;
  }
}

/// Values in and around whatever a schema says.
void add_values(const Json& schema, std::vector<Json>& values) {
  for (const Json& one : schema.value("anyOf", Json::array())) add_values(one, values);
  for (const char* name : {"minimum", "maximum"}) {
    if (!schema.contains(name)) continue;
    const Json& limit = schema[name];
    values.push_back(limit);
    // Beyond 2^53 not every whole number is a double.
    if (std::abs(limit.get<double>()) > 9007199254740992.0) continue;
    for (const double by : {-1.0, -0.001, 0.001, 1.0}) values.push_back(limit.get<double>() + by);
  }
  if (schema.contains("const")) values.push_back(schema["const"]);
  for (const Json& one : schema.value("enum", Json::array())) values.push_back(one);
  for (const char* name : {"minLength", "maxLength"}) {
    if (!schema.contains(name)) continue;
    const size_t size = schema[name];
    for (const size_t of : {size - 1, size, size + 1}) values.push_back(std::string(of, 'a'));
  }
  if (!schema.contains("items")) return;
  std::vector<Json> items;
  add_values(schema["items"], items);
  for (const Json& item : items) values.push_back(Json::array({item}));
  const size_t most = schema.value("maxItems", size_t{2});
  for (const size_t size : {most, most + 1}) values.push_back(Json(std::vector<int>(size, 1)));
}

std::vector<Json> values_around(const Json& schema) {
  std::vector<Json> values =
      bodies({"null",
              "true",
              "false",
              "0",
              "1",
              "-1",
              "-2",
              "0.5",
              "2.0",
              "3",
              "1e30",
              R"("")",
              R"("x")",
              R"("1")",
              "[]",
              "[null]",
              "[1]",
              "[1.0]",
              "[1.5]",
              "[-1]",
              "[4294967296]",
              R"(["x"])",
              R"([""])",
              "[[]]",
              "[[1]]",
              R"(["a",[1]])",
              R"([1,"a"])",
              R"(["a",null])",
              "[{}]",
              "{}",
              R"({"a":1})",
              R"({"a":null})",
              R"({"5":1})",
              R"({"05":1})",
              R"({"5":"x"})",
              R"({"5":null})",
              R"({"type":"text"})",
              R"({"type":"text","json_schema":null})",
              R"({"type":"text","json_schema":{}})",
              R"({"type":"json_object"})",
              R"([{"role":"user","content":"a"}])",
              R"([{"role":"user"}])",
              R"([{"role":"assistant"}])",
              R"([{"role":"user","content":[]}])",
              R"([{"role":"robot","content":"a"}])",
              R"([{"role":"user","content":[{"type":"image_url","text":"a"}]}])",
              R"([{"role":"tool","content":"a","tool_call_id":5}])",
              R"([{"role":"user","content":"a","tool_call_id":5}])",
              R"([{"role":"user","content":"a","name":5}])",
              R"([{"role":"user","content":"a","tool_calls":[]}])",
              R"([{"role":"user","content":"a","tool_calls":[{}]}])"});
  add_values(schema, values);
  return values;
}

/// The schemas that a field has, of an object in all its kinds.
void add_schemas_of(const std::string& field, const Json& object, std::vector<Json>& found) {
  for (const Json& one : object.value("anyOf", Json::array())) add_schemas_of(field, one, found);
  const Json properties = object.value("properties", Json::object());
  if (properties.contains(field)) found.push_back(properties[field]);
}

/// Tries the values around a field's schema at one place of the bodies of a kind.
void try_values(const Kind& kind, const Json::json_pointer& place, const Json& schema) {
  const SchemaCheck check(kind.schema);
  for (const Json& value : values_around(schema)) {
    size_t allowed = 0, taken = 0;
    for (Json body : kind.bodies) {
      if (!body.contains(place.parent_pointer())) continue;
      body[place] = value;
      UnknownFields unknown;
      const bool holds = check.holds(kind.schema, body);
      const bool decoded = kind.decode(body.dump(), unknown);
      allowed += holds;
      taken += decoded;
      EXPECT_TRUE(holds || !decoded) << kind.name << " takes what the schema does not: " << body;
    }
    EXPECT_EQ(taken > 0, allowed > 0)
        << kind.name << " refuses " << place.to_string() << ": " << value;
  }
}

TEST(RequestSchemas, AllowTheValuesThatCodecsTake) {
  for (const Kind& kind : kinds()) {
    Names names;
    collect(kind.schema, "", names);
    for (const std::string& field : names[""]) {
      std::vector<Json> schemas;
      add_schemas_of(field, kind.schema, schemas);
      for (const Json& schema : schemas) try_values(kind, Json::json_pointer("/" + field), schema);
    }
  }
}

TEST(RequestSchemas, AllowTheValuesThatCodecsTakeWithinObjects) {
  for (const Kind& kind : kinds()) {
    Names names;
    collect(kind.schema, "", names);
    const std::pair<const char*, const char*> places[] = {
        {"stream_options", "/stream_options"},
        {"messages[]", "/messages/0"},
        {"messages[]", "/messages/1"},
        {"messages[]", "/messages/2"},
        {"messages[].content[]", "/messages/0/content/0"}};
    for (const auto& [path, place] : places)
      for (const std::string& field : names[path])
        try_values(kind, Json::json_pointer(std::string(place) + "/" + field), Json::object());
  }
}

TEST(RequestSchemas, ExamplesAreTaken) {
  const std::map<std::string, const RouteSchema*> routes{{"chat", &openai::kChatCompletions},
                                                         {"completion", &openai::kCompletions},
                                                         {"embedding", &openai::kEmbeddings},
                                                         {"classify", &kClassify},
                                                         {"tag", &kTag},
                                                         {"analyze", &kAnalyze},
                                                         {"tokenize", &kTokenize},
                                                         {"detokenize", &kDetokenize}};
  for (const Kind& kind : kinds()) {
    UnknownFields strict(UnknownFields::Rule::refuse);
    EXPECT_TRUE(kind.decode(routes.at(kind.name)->example, strict)) << kind.name;
  }
}

}  // namespace
}  // namespace weir::api
