#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "app/given.h"
#include "app/setting.h"

using namespace std::chrono_literals;
using testing::HasSubstr;

namespace weir::app {
namespace {

const Setting& setting(const std::string& name) {
  for (const Setting& each : settings()) {
    if (each.name == name) return each;
  }
  throw std::logic_error(name);
}

Result<Given> environment(std::map<std::string, std::string> variables) {
  return given_by_environment([variables](const std::string& name) -> const char* {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

const Decided& decided(const Resolved& resolved, const std::string& name) {
  for (const Decided& each : resolved.decided) {
    if (each.setting->name == name) return each;
  }
  throw std::logic_error(name);
}

TEST(Settings, EachDefaultIsAllowedAndApplied) {
  std::set<std::string> names, variables;
  for (const Setting& each : settings()) {
    EXPECT_TRUE(parse_value(each, each.fallback)) << each.name;
    EXPECT_NE(each.apply, nullptr) << each.name;
    EXPECT_FALSE(each.help.empty()) << each.name;
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
    EXPECT_TRUE(variables.insert(each.variable()).second) << each.name;
  }
}

TEST(Settings, DefaultsOfTheConfig) {
  Config config = resolve({}).config;
  EXPECT_EQ(config.host, "127.0.0.1");
  EXPECT_EQ(config.port, 8080);
  EXPECT_TRUE(config.models.empty());
  EXPECT_EQ(config.models_dir, "");
  EXPECT_EQ(config.dtype, "auto");
  EXPECT_EQ(config.load_format, "auto");
  EXPECT_EQ(config.max_model_len, 0u);
  EXPECT_EQ(config.max_num_seqs, 0u);
  EXPECT_EQ(config.max_batch_tokens, 0u);
  EXPECT_EQ(config.max_chunk_tokens, 0u);
  EXPECT_EQ(config.page_size, 16u);
  EXPECT_EQ(config.memory, 0u);
  EXPECT_TRUE(config.prefix_cache);
  EXPECT_TRUE(config.drafts);
  EXPECT_EQ(config.threads, 0);
  EXPECT_EQ(config.keys, "");
  EXPECT_EQ(config.api_key, "");
  EXPECT_FALSE(config.insecure_no_auth);
  EXPECT_EQ(config.max_wait, 2s);
  EXPECT_EQ(config.data_dir, "");
  EXPECT_EQ(config.queue_requests, 4096u);
  EXPECT_EQ(config.queue_tokens, size_t{1} << 22);
  EXPECT_EQ(config.response_cache, 0u);
  EXPECT_FALSE(config.trust_control_tokens);
  EXPECT_TRUE(config.accept_embedding_ids);
  EXPECT_TRUE(config.brownout.empty());
  EXPECT_EQ(config.max_body, size_t{16} << 20);
  EXPECT_EQ(config.max_connections, 2048);
  EXPECT_EQ(config.overload_status, 503);
  EXPECT_FALSE(config.ietf_headers);
  EXPECT_FALSE(config.refuse_unknown_fields);
  EXPECT_TRUE(config.cors_origins.empty());
  EXPECT_TRUE(config.allowed_hosts.empty());
  EXPECT_EQ(config.keep_alive, 75s);
  EXPECT_EQ(config.drain_delay, 0s);
  EXPECT_EQ(config.drain_timeout, 30s);
  EXPECT_EQ(config.log_format, "text");
  EXPECT_EQ(config.log_level, "info");
}

/// Every setting reaches its own field: two different values differ in the config, from each source
/// alike.
TEST(Settings, EverySettingIsReadFromEverySource) {
  const std::map<std::string, std::string> values{{"host", "0.0.0.0"},
                                                  {"port", "99"},
                                                  {"model", "a=b"},
                                                  {"models-dir", "/m"},
                                                  {"require-all", "true"},
                                                  {"dtype", "float32"},
                                                  {"load-format", "dummy"},
                                                  {"max-model-len", "77"},
                                                  {"max-num-seqs", "7"},
                                                  {"max-batch-tokens", "78"},
                                                  {"max-chunk-tokens", "79"},
                                                  {"memory", "3GiB"},
                                                  {"page-size", "32"},
                                                  {"prefix-cache", "off"},
                                                  {"drafts", "off"},
                                                  {"threads", "3"},
                                                  {"keys", "k.toml"},
                                                  {"api-key", "secret"},
                                                  {"insecure-no-auth", "true"},
                                                  {"max-wait", "5s"},
                                                  {"data-dir", "/var/lib/weir"},
                                                  {"queue-requests", "6"},
                                                  {"queue-tokens", "79"},
                                                  {"response-cache", "64MiB"},
                                                  {"trust-control-tokens", "true"},
                                                  {"accept-embedding-ids", "false"},
                                                  {"brownout", "queue>=2:max-tokens=4"},
                                                  {"max-body", "1MiB"},
                                                  {"max-connections", "80"},
                                                  {"overload-status", "429"},
                                                  {"ietf-headers", "on"},
                                                  {"unknown-fields", "refuse"},
                                                  {"cors-origins", "http://x"},
                                                  {"allowed-hosts", "box"},
                                                  {"keep-alive", "650s"},
                                                  {"drain-delay", "5s"},
                                                  {"drain-timeout", "81ms"},
                                                  {"log-format", "json"},
                                                  {"log-level", "debug"}};
  for (const Setting& each : settings()) {
    ASSERT_TRUE(values.contains(each.name)) << each.name;
    const std::string& text = values.at(each.name);
    auto flag = given_by_flags({{each.name, {text}}});
    auto variable = environment({{each.variable(), text}});
    bool bare = each.kind == Kind::whole || each.kind == Kind::toggle;
    std::string toml = bare ? text : '"' + text + '"';
    if (each.kind == Kind::list) toml = "[" + toml + "]";
    auto file = given_by_file("\n" + each.name + " = " + toml, "w.toml");
    ASSERT_TRUE(flag) << flag.error().message;
    ASSERT_TRUE(variable) << variable.error().message;
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(flag->at(each.name).origin, "flag --" + each.name);
    EXPECT_EQ(variable->at(each.name).origin, "env " + each.variable());
    EXPECT_EQ(file->at(each.name).origin, "w.toml:2");
    EXPECT_EQ(flag->at(each.name).value, variable->at(each.name).value) << each.name;
    EXPECT_EQ(flag->at(each.name).value, file->at(each.name).value) << each.name;
    EXPECT_NE(flag->at(each.name).value, *parse_value(each, each.fallback)) << each.name;
  }
  Given all;
  for (const auto& [name, text] : values) all.merge(*given_by_flags({{name, {text}}}));
  Config config = resolve({all}).config;
  EXPECT_EQ(config.host, "0.0.0.0");
  EXPECT_EQ(config.port, 99);
  EXPECT_THAT(config.models, testing::ElementsAre("a=b"));
  EXPECT_EQ(config.models_dir, "/m");
  EXPECT_TRUE(config.require_all);
  EXPECT_EQ(config.dtype, "float32");
  EXPECT_EQ(config.load_format, "dummy");
  EXPECT_EQ(config.max_model_len, 77u);
  EXPECT_EQ(config.max_num_seqs, 7u);
  EXPECT_EQ(config.max_batch_tokens, 78u);
  EXPECT_EQ(config.max_chunk_tokens, 79u);
  EXPECT_EQ(config.memory, uint64_t{3} << 30);
  EXPECT_EQ(config.page_size, 32u);
  EXPECT_FALSE(config.prefix_cache);
  EXPECT_FALSE(config.drafts);
  EXPECT_EQ(config.threads, 3);
  EXPECT_EQ(config.keys, "k.toml");
  EXPECT_EQ(config.api_key, "secret");
  EXPECT_TRUE(config.insecure_no_auth);
  EXPECT_EQ(config.max_wait, 5s);
  EXPECT_EQ(config.data_dir, "/var/lib/weir");
  EXPECT_EQ(config.queue_requests, 6u);
  EXPECT_EQ(config.queue_tokens, 79u);
  EXPECT_EQ(config.response_cache, size_t{64} << 20);
  EXPECT_TRUE(config.trust_control_tokens);
  EXPECT_FALSE(config.accept_embedding_ids);
  EXPECT_THAT(config.brownout, testing::ElementsAre("queue>=2:max-tokens=4"));
  EXPECT_EQ(config.max_body, size_t{1} << 20);
  EXPECT_EQ(config.max_connections, 80);
  EXPECT_EQ(config.overload_status, 429);
  EXPECT_TRUE(config.ietf_headers);
  EXPECT_TRUE(config.refuse_unknown_fields);
  EXPECT_THAT(config.cors_origins, testing::ElementsAre("http://x"));
  EXPECT_THAT(config.allowed_hosts, testing::ElementsAre("box"));
  EXPECT_EQ(config.keep_alive, 650s);
  EXPECT_EQ(config.drain_delay, 5s);
  EXPECT_EQ(config.drain_timeout, 81ms);
  EXPECT_EQ(config.log_format, "json");
  EXPECT_EQ(config.log_level, "debug");
}

TEST(Settings, FlagGoesBeforeEnvironmentBeforeFileBeforeDefault) {
  auto flag = given_by_flags({{"port", {"1"}}});
  auto variable = environment({{"WEIR_PORT", "2"}, {"WEIR_THREADS", "2"}});
  auto file = given_by_file("port = 3\nthreads = 3\nmax-num-seqs = 3\n", "w.toml");
  ASSERT_TRUE(flag && variable && file);
  Resolved resolved = resolve({*flag, *variable, *file});
  EXPECT_EQ(resolved.config.port, 1);
  EXPECT_EQ(resolved.config.threads, 2);
  EXPECT_EQ(resolved.config.max_num_seqs, 3u);
  EXPECT_EQ(decided(resolved, "port").given.origin, "flag --port");
  EXPECT_EQ(decided(resolved, "threads").given.origin, "env WEIR_THREADS");
  EXPECT_EQ(decided(resolved, "max-num-seqs").given.origin, "w.toml:3");
  EXPECT_EQ(decided(resolved, "host").given.origin, "default");
}

TEST(Settings, AWrongOneIsNamedWithValueOriginAndWhatIsAllowed) {
  EXPECT_EQ(given_by_flags({{"port", {"99999"}}}).error().message,
            "port (flag --port): \"99999\" is not a whole number from 0 to 65535");
  EXPECT_EQ(environment({{"WEIR_DTYPE", "float16"}}).error().message,
            "dtype (env WEIR_DTYPE): \"float16\" is not one of auto, float32, bfloat16");
  EXPECT_EQ(
      given_by_file("host = \"::1\"\nmax-wait = \"soon\"\n", "w.toml").error().message,
      "max-wait (w.toml:2): \"soon\" is not a duration such as 250ms, 2s, 1m, 1h, or a number "
      "of seconds");
  EXPECT_EQ(given_by_file("port = \"80\"", "w.toml").error().message,
            "port (w.toml:1): '80' is not a whole number from 0 to 65535");
  EXPECT_THAT(given_by_file("model = \"a=b\"", "w.toml").error().message,
              HasSubstr("model (w.toml:1): 'a=b' is not a list of texts"));
  EXPECT_THAT(given_by_file("insecure-no-auth = 1", "w.toml").error().message,
              HasSubstr("insecure-no-auth (w.toml:1): 1 is not true or false"));
  EXPECT_EQ(given_by_file("nonsense = 80", "w.toml").error().message,
            "nonsense (w.toml:1): there is no such setting; `weir check` prints them all");
  EXPECT_THAT(given_by_file("port = ", "w.toml").error().message, HasSubstr("w.toml:1: "));
  EXPECT_THAT(given_by_file_at("/nowhere/w.toml").error().message,
              HasSubstr("config \"/nowhere/w.toml\" cannot be read: No such file"));
}

TEST(Settings, AMisspeltLineOfTheFileIsToldWhatWasMeant) {
  const auto about = [](const std::string& line) {
    return given_by_file(line, "w.toml").error().message;
  };
  EXPECT_EQ(about("prot = 80"), "prot (w.toml:1): there is no such setting; did you mean port?");
  EXPECT_THAT(about("max_num_seqs = 8"), HasSubstr("did you mean max-num-seqs?"));
  EXPECT_THAT(about("max_batch_token = 8"), HasSubstr("did you mean max-batch-tokens?"));
  EXPECT_THAT(about("gpu-memory-utilization = 0.9"), HasSubstr("no such setting; here --memory"));
}

TEST(Settings, ADurationOfTheFileMayBeANumberOfSeconds) {
  auto given = given_by_file("max-wait = 5", "w.toml");
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ(given->at("max-wait").value, Value(5000ms));
  EXPECT_EQ(*parse_value(setting("max-wait"), "5"), Value(5000ms));
  EXPECT_EQ(*parse_value(setting("max-wait"), "1.5 seconds"), Value(1500ms));
  EXPECT_FALSE(given_by_file("max-wait = -5", "w.toml"));
}

TEST(Settings, Sizes) {
  const Setting& memory = setting("memory");
  EXPECT_EQ(*parse_value(memory, "2GiB"), Value(int64_t{2} << 30));
  EXPECT_EQ(*parse_value(memory, "1048576"), Value(int64_t{1} << 20));
  for (const char* text : {"4G", "4g", "4GB", "4gb", "4Gi", "4GiB", "4 GiB", "4096M", "4096MB",
                           "4194304K", "4194304kb", "4294967296B", "4294967296"})
    EXPECT_EQ(*parse_value(memory, text), Value(int64_t{4} << 30)) << text;
  EXPECT_EQ(*parse_value(memory, "1.5G"), Value(int64_t{3} << 29));
  EXPECT_EQ(*parse_value(memory, "1T"), Value(int64_t{1} << 40));
  EXPECT_EQ(*parse_value(memory, "auto"), Value(int64_t{-1}));
  for (const char* text :
       {"", "GiB", "-1GiB", "2  GiB", "2GiBs", "1KiB", "99999999999TiB", "65TiB", "Auto"}) {
    EXPECT_FALSE(parse_value(memory, text)) << text;
  }
  EXPECT_FALSE(parse_value(setting("max-body"), "auto"));
  EXPECT_EQ(shown(memory, int64_t{3} << 29), "1536MiB");
  EXPECT_EQ(shown(memory, int64_t{-1}), "auto");
}

TEST(Settings, WhatTheDeviceDecidesIsAuto) {
  for (const char* name : {"max-num-seqs", "max-batch-tokens", "max-chunk-tokens", "threads"}) {
    const Setting& each = setting(name);
    EXPECT_EQ(*parse_value(each, "auto"), Value(int64_t{-1})) << name;
    EXPECT_EQ(shown(each, int64_t{-1}), "auto") << name;
    auto file = given_by_file(std::string(name) + " = \"auto\"", "w.toml");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->at(name).value, Value(int64_t{-1})) << name;
    EXPECT_FALSE(given_by_file(std::string(name) + " = \"7\"", "w.toml")) << name;
  }
  EXPECT_EQ(resolve({*given_by_flags({{"threads", {"auto"}}})}).config.threads, 0);
  EXPECT_EQ(resolve({*given_by_flags({{"threads", {"0"}}})}).config.threads, 0);
  EXPECT_FALSE(parse_value(setting("page-size"), "auto"));
  EXPECT_EQ(given_by_flags({{"max-num-seqs", {"0"}}}).error().message,
            "max-num-seqs (flag --max-num-seqs): \"0\" is not \"auto\" or a whole number from 1 to "
            "65536");
}

TEST(Settings, ListsOfTheEnvironmentAreSplit) {
  auto given =
      environment({{"WEIR_MODEL", "a=/m/a,dtype=float32;b=/m/b"}, {"WEIR_CORS_ORIGINS", ""}});
  ASSERT_TRUE(given);
  Config config = resolve({*given}).config;
  EXPECT_THAT(config.models, testing::ElementsAre("a=/m/a,dtype=float32", "b=/m/b"));
  EXPECT_TRUE(config.cors_origins.empty());
}

TEST(Settings, AnEmptyVariableIsNotSet) {
  EXPECT_TRUE(environment({{"WEIR_PORT", ""}, {"WEIR_KEYS", ""}})->empty());
}

TEST(Settings, SecretsAreNotShown) {
  EXPECT_EQ(shown(setting("api-key"), std::string("hunter2")), "(set)");
  EXPECT_EQ(shown(setting("api-key"), std::string()), "");
}

TEST(Settings, MisspeltVariablesAreSeen) {
  const char* variables[] = {"WEIR_PORT=1",   "WEIR_PROT=1",   "PATH=/",
                             "WEIR_CONFIG=x", "WEIR_CPU=avx2", nullptr};
  EXPECT_THAT(unknown_variables(variables), testing::ElementsAre("WEIR_PROT"));
  EXPECT_EQ(about_unknown("WEIR_PROT"),
            "WEIR_PROT is no setting and does nothing; did you mean WEIR_PORT?");
  EXPECT_EQ(about_unknown("WEIR_NONSENSE"), "WEIR_NONSENSE is no setting and does nothing");
}

}  // namespace
}  // namespace weir::app
