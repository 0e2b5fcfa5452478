#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "weir/traffic/key.h"

using namespace std::chrono_literals;
using testing::HasSubstr;

namespace weir::traffic {
namespace {

// sha256 of "secret-a" and "secret-b", from sha256sum.
constexpr const char* kHashA =
    "sha256:8766b9cb08e6040b704f1e3ee1e186efccf2635b1d2634d6525333007e6aeae1";
constexpr const char* kHashB =
    "sha256:ff492ef788c89b555e6f738b33d2422f57dbb6656af2402155672c5f123a90af";

std::string key_line(const std::string& more = "") {
  return "[[key]]\nname = \"web\"\nhash = \"" + std::string(kHashA) + "\"\n" + more;
}

std::string error_of(const std::string& toml) {
  auto store = KeyStore::parse(toml, "keys.toml");
  return store ? "accepted" : store.error().message;
}

TEST(KeyStore, ReadsEveryField) {
  auto store = KeyStore::parse(R"(
[[key]]
name = "web"
hash = ")" + std::string(kHashA) + R"("
tenant = "shop"
models = ["smollm2-*", "all-minilm-l6-v?"]
scopes = ["infer", "usage"]
weight = 2.5
priority = 7
max_wait = "250ms"
limits = [ { unit = "requests", cap = 60, window = "60s" }, { unit = "output_tokens", cap = 20000, window = "1d" } ]
[[key]]
name = "batch"
hash = ")" + std::string(kHashB) + R"("
[[model]]
name = "smollm2-135m-instruct"
limits = [ { unit = "output_tokens", cap = 2000, window = "1s" } ]
)",
                               "keys.toml");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_FALSE((*store)->is_open());
  EXPECT_EQ((*store)->size(), 2u);
  auto web = (*store)->find("secret-a");
  ASSERT_TRUE(web);
  const Key& key = **web;
  EXPECT_EQ(key.name, "web");
  EXPECT_EQ(key.tenant, "shop");
  EXPECT_EQ(key.weight, 2.5);
  EXPECT_EQ(key.priority, 7);
  EXPECT_EQ(key.max_wait, 250ms);
  EXPECT_TRUE(key.has(Scope::infer));
  EXPECT_TRUE(key.has(Scope::usage));
  EXPECT_FALSE(key.has(Scope::admin));
  EXPECT_TRUE(key.may_use("smollm2-135m-instruct"));
  EXPECT_TRUE(key.may_use("all-minilm-l6-v2"));
  EXPECT_FALSE(key.may_use("all-minilm-l6-v21"));
  EXPECT_FALSE(key.may_use("llama"));
  ASSERT_EQ(key.limits.size(), 2u);
  EXPECT_EQ(key.limits[0].unit, Unit::requests);
  EXPECT_EQ(key.limits[0].cap, 60);
  EXPECT_EQ(key.limits[0].window, 60s);
  EXPECT_EQ(key.limits[1].unit, Unit::output_tokens);
  EXPECT_EQ(key.limits[1].window, 24h);
  ASSERT_EQ((*store)->rules().models.size(), 1u);
  EXPECT_EQ((*store)->rules().models[0].name, "smollm2-135m-instruct");
  EXPECT_EQ((*store)->rules().models[0].limits[0].cap, 2000);
}

TEST(KeyStore, ReadsQuotasCountsTenantsAndModelsOfAKey) {
  auto store = KeyStore::parse("cached_weight = 0.5\n" + key_line(R"(limits = [
  { unit = "concurrent", cap = 4 },
  { unit = "tokens", cap = 1000, per = "day" },
  { unit = "tokens", cap = 20000, per = "month" },
  { unit = "tokens", cap = 50, window = "1s", model = "m" },
]
[[tenant]]
name = "shop"
limits = [ { unit = "requests", cap = 9, window = "1m" } ]
)"),
                               "keys.toml");
  ASSERT_TRUE(store) << store.error().message;
  auto key = (*store)->find("secret-a");
  ASSERT_TRUE(key);
  const auto& limits = (*key)->limits;
  ASSERT_EQ(limits.size(), 4u);
  EXPECT_EQ(limits[0].unit, Unit::concurrent);
  EXPECT_EQ(limits[1].calendar, Calendar::day);
  EXPECT_EQ(limits[2].calendar, Calendar::month);
  EXPECT_EQ(limits[3].model, "m");
  const Rules& rules = (*store)->rules();
  EXPECT_EQ(rules.cached_weight, 0.5);
  ASSERT_EQ(rules.tenants.size(), 1u);
  EXPECT_EQ(rules.tenants[0].name, "shop");
  EXPECT_EQ(rules.tenants[0].limits[0].cap, 9);
}

TEST(KeyStore, RefusesLimitsThatSayTooMuchOrTooLittle) {
  auto limit = [](const std::string& text) {
    return error_of(key_line("limits = [{" + text + "}]\n"));
  };
  EXPECT_THAT(limit("unit = \"concurrent\", cap = 1, window = \"1s\""),
              HasSubstr("keys.toml:4: limit: unit \"concurrent\" takes neither window nor per"));
  EXPECT_THAT(limit("unit = \"tokens\", cap = 1, window = \"1s\", per = \"day\""),
              HasSubstr("keys.toml:4: limit: window and per are there both"));
  EXPECT_THAT(limit("unit = \"tokens\", cap = 1, per = \"week\""),
              HasSubstr("keys.toml:4: per: \"week\" is not one of day, month"));
  EXPECT_THAT(error_of("cached_weight = 2\n"), HasSubstr("keys.toml:1: cached_weight: 2"));
  EXPECT_THAT(
      error_of("[[tenant]]\nname = \"a\"\nlimits = [ { unit = \"tokens\", cap = 1, window = "
               "\"1s\", model = \"m\" } ]\n"),
      HasSubstr("keys.toml:3: limit: unknown field \"model\""));
}

TEST(KeyStore, ReadsACapacityThatSetsItself) {
  auto store = KeyStore::parse(
      "[[model]]\nname = \"a\"\ncapacity = \"auto\"\n"
      "[[model]]\nname = \"b\"\ncapacity = \"frozen\"\nfirst_token_p99 = \"250ms\"\n",
      "keys.toml");
  ASSERT_TRUE(store);
  const auto& models = (*store)->rules().models;
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0].capacity.kind, Capacity::Kind::automatic);
  EXPECT_EQ(models[0].capacity.first_token_p99, 1s);
  EXPECT_EQ(models[1].capacity.kind, Capacity::Kind::frozen);
  EXPECT_EQ(models[1].capacity.first_token_p99, 250ms);
  auto model = [](const std::string& text) { return error_of("[[model]]\nname = \"m\"\n" + text); };
  EXPECT_THAT(model("capacity = 5\n"),
              HasSubstr("keys.toml:3: capacity: 5 is not one of auto, frozen"));
  EXPECT_THAT(model("capacity = \"auto\"\nfirst_token_p99 = \"10us\"\n"),
              HasSubstr("keys.toml:4: first_token_p99: \"10us\" is not 1 ms or more"));
  EXPECT_THAT(model("limits = []\nfirst_token_p99 = \"1s\"\n"),
              HasSubstr("keys.toml:1: model: first_token_p99 goes with capacity"));
}

TEST(KeyStore, FillsInDefaults) {
  auto store = KeyStore::parse(key_line(), "keys.toml");
  ASSERT_TRUE(store);
  auto key = (*store)->find("secret-a");
  ASSERT_TRUE(key);
  EXPECT_EQ((*key)->tenant, "web");
  EXPECT_TRUE((*key)->may_use("anything"));
  EXPECT_TRUE((*key)->has(Scope::infer));
  EXPECT_FALSE((*key)->has(Scope::usage));
  EXPECT_FALSE((*key)->max_wait);
  EXPECT_EQ((*key)->priority, 5);
}

TEST(KeyStore, KnowsNobodyElse) {
  auto store = KeyStore::parse(key_line(), "keys.toml");
  ASSERT_TRUE(store);
  for (const char* secret : {"", "secret-b", "SECRET-A", kHashA}) {
    auto key = (*store)->find(secret);
    ASSERT_FALSE(key) << secret;
    EXPECT_EQ(key.error().code, Code::unauthenticated);
  }
}

TEST(KeyStore, RefusesTheWholeFileWithItsLine) {
  EXPECT_THAT(error_of(key_line("modles = [\"*\"]\n")),
              HasSubstr("keys.toml:4: key: unknown field \"modles\"; known are"));
  EXPECT_THAT(error_of(key_line("priority = 10\n")),
              HasSubstr("keys.toml:4: priority: 10 is not a whole number from 0 to 9"));
  EXPECT_THAT(error_of(key_line("priority = \"5\"\n")), HasSubstr("keys.toml:4: priority: \"5\""));
  EXPECT_THAT(error_of(key_line("weight = 0\n")), HasSubstr("keys.toml:4: weight: 0"));
  EXPECT_THAT(error_of(key_line("weight = nan\n")), HasSubstr("keys.toml:4: weight"));
  EXPECT_THAT(error_of(key_line("max_wait = -2\n")),
              HasSubstr("keys.toml:4: max_wait: -2 is not a duration"));
  EXPECT_THAT(error_of(key_line("max_wait = \"2 weeks\"\n")),
              HasSubstr("keys.toml:4: max_wait: \"2 weeks\""));
  EXPECT_THAT(error_of(key_line("scopes = [\"infer\", \"root\"]\n")),
              HasSubstr("keys.toml:4: scopes: \"root\" is not one of infer, usage, admin"));
  EXPECT_THAT(error_of(key_line("models = \"*\"\n")),
              HasSubstr("keys.toml:4: models: \"*\" is not a list"));
  EXPECT_THAT(
      error_of(key_line("\n\nlimits = [ { unit = \"requests\", cap = 0, window = \"1s\" } ]\n")),
      HasSubstr("keys.toml:6: cap: 0"));
  EXPECT_THAT(
      error_of(key_line("limits = [ { unit = \"requests\", cap = 1.5, window = \"1s\" } ]\n")),
      HasSubstr("keys.toml:4: cap: 1.5"));
  EXPECT_THAT(
      error_of(key_line("limits = [ { unit = \"requests\", cap = 1, window = \"0s\" } ]\n")),
      HasSubstr("keys.toml:4: window: \"0s\""));
  EXPECT_THAT(error_of(key_line("limits = [ { unit = \"words\", cap = 1, window = \"1s\" } ]\n")),
              HasSubstr("keys.toml:4: unit: \"words\""));
  EXPECT_THAT(error_of(key_line("limits = [ { unit = \"tokens\", cap = 1 } ]\n")),
              HasSubstr("keys.toml:4: limit: window is missing"));
  EXPECT_THAT(error_of(key_line("limits = [ { unit = \"tokens\", cap = 1, window = \"60s\" }, { "
                                "unit = \"tokens\", cap = 2, window = \"1m\" } ]\n")),
              HasSubstr("keys.toml:4: limits: the same unit and window twice"));
  EXPECT_THAT(error_of("[[key]]\nname = \"web\"\n"),
              HasSubstr("keys.toml:1: key: hash is missing"));
  EXPECT_THAT(error_of("[[key]]\nname = \"web\"\nhash = \"sha256:12\"\n"),
              HasSubstr("keys.toml:3: hash: \"sha256:12\""));
  EXPECT_THAT(error_of("[[key]]\nname = \"a b\"\n"), HasSubstr("keys.toml:2: key name \"a b\""));
  EXPECT_THAT(
      error_of("\n[[keys]]\n"),
      HasSubstr("keys.toml:2: key file: unknown field \"keys\"; known are cached_weight, key, "
                "model, tenant"));
  EXPECT_THAT(error_of("[key]\nname = \"web\"\n"),
              HasSubstr("keys.toml:1: key: this is not a list"));
  EXPECT_THAT(error_of("[[model]]\nname = \"m\"\n"),
              HasSubstr("keys.toml:1: model: limits or capacity is missing"));
  EXPECT_THAT(error_of("[[key]]\nname = \n"), HasSubstr("keys.toml:2: "));
}

TEST(KeyStore, RefusesDoubles) {
  std::string other = "[[key]]\nname = \"other\"\nhash = \"" + std::string(kHashA) + "\"\n";
  EXPECT_THAT(error_of(key_line() + other),
              HasSubstr("keys.toml:4: key: the hash of \"other\" stands twice"));
  std::string same = "[[key]]\nname = \"web\"\nhash = \"" + std::string(kHashB) + "\"\n";
  EXPECT_THAT(error_of(key_line() + same),
              HasSubstr("keys.toml:4: key: name \"web\" stands twice"));
  std::string model = "[[model]]\nname = \"m\"\nlimits = []\n";
  EXPECT_THAT(error_of(model + model), HasSubstr("keys.toml:4: model: name \"m\" stands twice"));
}

TEST(KeyStore, OpenAdmitsEverybody) {
  auto store = KeyStore::open();
  EXPECT_TRUE(store->is_open());
  auto key = store->find("");
  ASSERT_TRUE(key);
  EXPECT_EQ((*key)->name, "anonymous");
  EXPECT_TRUE((*key)->may_use("any"));
  EXPECT_TRUE((*key)->limits.empty());
}

TEST(KeyStore, WithSecretClosesAndKeepsTheOthers) {
  auto store = KeyStore::parse(key_line(), "keys.toml");
  ASSERT_TRUE(store);
  auto both = (*store)->with_secret("hunter2");
  EXPECT_EQ((*both->find("secret-a"))->name, "web");
  auto own = both->find("hunter2");
  ASSERT_TRUE(own);
  EXPECT_EQ((*own)->name, "default");
  EXPECT_TRUE((*own)->has(Scope::admin));
  EXPECT_FALSE((*store)->find("hunter2"));

  auto only = KeyStore::open()->with_secret("hunter2");
  EXPECT_FALSE(only->is_open());
  EXPECT_FALSE(only->find(""));
  EXPECT_TRUE(only->find("hunter2"));
}

TEST(KeyStore, LoadsAFileAndNamesOneThatIsNotThere) {
  std::string path = testing::TempDir() + "/weir_keys.toml";
  std::ofstream(path) << key_line();
  auto store = KeyStore::load(path);
  ASSERT_TRUE(store);
  EXPECT_TRUE((*store)->find("secret-a"));
  std::ofstream(path) << "";
  auto empty = KeyStore::load(path);
  ASSERT_TRUE(empty);
  EXPECT_FALSE((*empty)->is_open()) << "an emptied key file must not open the door";
  EXPECT_FALSE((*empty)->find("secret-a"));

  auto missing = KeyStore::load("/nowhere/keys.toml");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message,
              HasSubstr("/nowhere/keys.toml: cannot be read: No such file"));
  EXPECT_FALSE(KeyStore::load(testing::TempDir()));
}

TEST(Secret, HashIsSha256) {
  EXPECT_EQ(hash_secret("abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Secret, ANewKeyIsAdmittedByItsOwnLines) {
  auto one = make_key("web");
  auto two = make_key("web");
  ASSERT_TRUE(one);
  ASSERT_TRUE(two);
  EXPECT_NE(one->secret, two->secret);
  EXPECT_EQ(one->secret.substr(0, 8), "sk-weir-");
  EXPECT_EQ(one->secret.size(), 8u + 43u);
  EXPECT_EQ(one->secret.find_first_of("+/="), std::string::npos);
  EXPECT_EQ(one->toml.find(one->secret), std::string::npos);
  auto store = KeyStore::parse(one->toml, "new");
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*(*store)->find(one->secret))->name, "web");
  EXPECT_FALSE((*store)->find(two->secret));
}

TEST(Secret, ANameThatWouldBreakTheFileIsRefused) {
  EXPECT_FALSE(make_key("a\"\nhash = \"x"));
  EXPECT_FALSE(make_key(""));
  EXPECT_FALSE(make_key(std::string(65, 'a')));
}

TEST(Glob, StarsAndQuestionMarks) {
  auto matches = [](const char* glob, const char* text) {
    return Key{.models = {glob}}.may_use(text);
  };
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*b*c", "axxbyybzc"));
  EXPECT_FALSE(matches("a*b*c", "axxbyybz"));
  EXPECT_TRUE(matches("a**", "a"));
  EXPECT_FALSE(matches("?", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("abc", "abcd"));
  EXPECT_TRUE(matches("*aab", "aaaab"));
  EXPECT_FALSE(Key{.models = {}}.may_use("a"));
}

}  // namespace
}  // namespace weir::traffic
