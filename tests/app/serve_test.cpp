#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/child.h"
#include "weir/traffic/key.h"

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

namespace weir::app {
namespace {

const std::string kBert = "tests/golden/tiny/bert-mean";

json golden(const std::string& directory) {
  std::ifstream file(directory + "/golden.json");
  return json::parse(file);
}

/// The daemon on a free port with tiny models, as a user starts it.
class Daemon : public Child {
 public:
  explicit Daemon(std::vector<std::string> more = {}, std::vector<std::string> environment = {},
                  const std::string& shell = "")
      : Child(arguments(std::move(more)), "", environment, shell) {}

  bool ready() { return wait_for("all models are ready"); }

  httplib::Client client() {
    const std::string kSays = "listening on http://127.0.0.1:";
    EXPECT_TRUE(wait_for(kSays)) << errors();
    size_t at = errors().find(kSays) + kSays.size();
    httplib::Client client("127.0.0.1", std::stoi(errors().substr(at)));
    client.set_read_timeout(20s);
    return client;
  }

 private:
  static std::vector<std::string> arguments(std::vector<std::string> more) {
    std::vector<std::string> all{"serve", "--port", "0", "--model",
                                 "tiny=" + kBert + ",dtype=float32"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

json embed(httplib::Client& client, const std::string& text) {
  auto answer = client.Post("/v1/embeddings", json{{"model", "tiny"}, {"input", text}}.dump(),
                            "application/json");
  if (!answer) return {{"failed", true}};
  json body = json::parse(answer->body);
  body["status"] = answer->status;
  return body;
}

TEST(Serve, AnswersWithTheReferencesVectorsAndStopsCleanly) {
  Daemon daemon;
  auto client = daemon.client();
  EXPECT_EQ(client.Get("/health")->status, 200);
  ASSERT_TRUE(daemon.ready()) << daemon.errors();
  EXPECT_EQ(client.Get("/ready")->status, 200);
  EXPECT_THAT(client.Get("/v1/models")->body, HasSubstr("\"tiny\""));
  json expected = golden(kBert)["texts"][0];
  json answer = embed(client, expected["text"]);
  ASSERT_EQ(answer["status"], 200) << answer;
  const json& vector = answer["data"][0]["embedding"];
  ASSERT_EQ(vector.size(), expected["vector"].size());
  for (size_t i = 0; i < vector.size(); ++i) {
    EXPECT_NEAR(vector[i].get<double>(), expected["vector"][i].get<double>(), 1e-4) << i;
  }
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0) << daemon.errors();
  EXPECT_THAT(daemon.errors(), HasSubstr("stopped"));
}

TEST(Serve, CompletesAsTheReferenceDoes) {
  const std::string directory = "tests/golden/tiny/llama-gqa-tied";
  Daemon daemon({"--model", "llama=" + directory + ",dtype=float32"});
  auto client = daemon.client();
  ASSERT_TRUE(daemon.ready()) << daemon.errors();
  json expected = golden(directory)["prompts"][1];
  json request{{"model", "llama"}, {"prompt", expected["ids"]}, {"temperature", 0},
               {"max_tokens", 24}, {"ignore_eos", true},        {"return_token_ids", true}};
  auto answer = client.Post("/v1/completions", request.dump(), "application/json");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(json::parse(answer->body)["choices"][0]["token_ids"], expected["output_ids"]);
}

/// A request whose body does not come to its end: it is being served for as long as the test likes.
class HalfRequest {
 public:
  explicit HalfRequest(int port) : client_("127.0.0.1", port) {
    thread_ = std::thread([this] {
      auto provide = [this](size_t, size_t, httplib::DataSink& sink) {
        while (!ended_) std::this_thread::sleep_for(5ms);
        return sink.write("{}", 2);
      };
      client_.Post("/v1/completions", 2, provide, "application/json");
    });
  }
  ~HalfRequest() {
    ended_ = true;
    thread_.join();
  }
  void end() { ended_ = true; }

 private:
  httplib::Client client_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

/// Stops taking requests while one runs; returns once the daemon has said so.
void stop_while_busy(Daemon& daemon) {
  daemon.signal(SIGTERM);
  ASSERT_TRUE(daemon.wait_for(": takes no new requests, 1 run")) << daemon.errors();
}

TEST(Serve, WhatRunsMayEndAfterSigterm) {
  Daemon daemon;
  auto client = daemon.client();
  ASSERT_TRUE(daemon.ready());
  HalfRequest running(client.port());
  std::this_thread::sleep_for(200ms);
  stop_while_busy(daemon);
  EXPECT_EQ(embed(client, "a")["status"], 503);
  running.end();
  EXPECT_EQ(daemon.wait(), 0);
  EXPECT_THAT(daemon.errors(), testing::Not(HasSubstr("did not end in time")));
}

TEST(Serve, TheDrainHasADeadline) {
  Daemon daemon({"--drain-timeout", "300ms"});
  auto client = daemon.client();
  ASSERT_TRUE(daemon.ready());
  HalfRequest running(client.port());
  std::this_thread::sleep_for(200ms);
  stop_while_busy(daemon);
  EXPECT_TRUE(daemon.wait_for("1 requests did not end in time")) << daemon.errors();
  running.end();
  EXPECT_EQ(daemon.wait(), 0);
}

TEST(Serve, ASecondSignalEndsItNow) {
  Daemon daemon;
  auto client = daemon.client();
  ASSERT_TRUE(daemon.ready());
  HalfRequest running(client.port());
  std::this_thread::sleep_for(200ms);
  stop_while_busy(daemon);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 128 + SIGTERM);
}

TEST(Serve, SigintStopsToo) {
  Daemon daemon({"--log-format", "json"});
  ASSERT_TRUE(daemon.ready()) << daemon.errors();
  daemon.signal(SIGINT);
  EXPECT_EQ(daemon.wait(), 0);
  std::istringstream lines(daemon.errors());
  for (std::string line; std::getline(lines, line);) EXPECT_TRUE(json::accept(line)) << line;
}

/// A folder of a model, whose files may be changed. Removed with the test.
class FolderCopy {
 public:
  explicit FolderCopy(const std::string& name)
      : path_(testing::TempDir() + "/weir_" + name + "_" + std::to_string(getpid())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
    std::filesystem::copy(kBert, path_, std::filesystem::copy_options::recursive);
  }
  ~FolderCopy() { std::filesystem::remove_all(path_); }
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::remove(path_ + "/" + file);
    std::ofstream(path_ + "/" + file) << text;
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

TEST(Serve, AModelThatCannotBeLoadedIsFailedAndTheOthersServe) {
  FolderCopy late("late");  // its plan is good, its tokenizer is not
  late.write("tokenizer.json", "{}");
  Daemon daemon({"--model", "wide=" + kBert + ",max-model-len=100000", "--model", "gone=/nowhere",
                 "--model", "late=" + late.path(), "--api-key", "sesame"});
  auto client = daemon.client();
  client.set_bearer_token_auth("sesame");
  ASSERT_TRUE(daemon.wait_for("ready, but for models that failed: ")) << daemon.errors();
  EXPECT_THAT(daemon.errors(), testing::Not(HasSubstr("critical")));
  EXPECT_EQ(embed(client, "a")["status"], 200);
  auto ready = client.Get("/ready");
  EXPECT_EQ(ready->status, 200);
  std::map<std::string, std::string> reasons;
  const json state = json::parse(ready->body);
  for (const json& model : state["models"])
    if (model["phase"] == "failed") reasons[model["name"]] = model["reason"];
  EXPECT_THAT(reasons, testing::UnorderedElementsAre(
                           testing::Pair("wide", HasSubstr("max-model-len is 100000; this model")),
                           testing::Pair("gone", HasSubstr("\"/nowhere\" is no folder")),
                           testing::Pair("late", HasSubstr("tokenizer.json"))));
  EXPECT_THAT(client.Get("/v1/models")->body,
              HasSubstr("\"kind\":null,\"state\":\"failed\",\"reason\":\"\\\"/nowhere"));
  auto refused =
      client.Post("/v1/embeddings", R"({"model":"late","input":"a"})", "application/json");
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(json::parse(refused->body)["error"]["code"], "model_failed");
  EXPECT_EQ(refused->get_header_value("x-should-retry"), "false");
  EXPECT_FALSE(refused->has_header("Retry-After"));
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(), 0) << daemon.errors();
}

TEST(Serve, WithRequireAllTheFirstModelThatCannotBeLoadedEndsIt) {
  Daemon planned({"--model", "gone=/nowhere", "--require-all"});
  EXPECT_EQ(planned.wait(), 1);
  EXPECT_THAT(planned.errors(),
              HasSubstr("model gone cannot be loaded: \"/nowhere\" is no folder"));
  FolderCopy late("late");
  late.write("tokenizer.json", "{}");
  Daemon loaded({"--model", "late=" + late.path(), "--model", "last=" + kBert, "--require-all"});
  EXPECT_EQ(loaded.wait(), 1);
  EXPECT_THAT(loaded.errors(), HasSubstr("model late cannot be loaded: "));
  EXPECT_THAT(loaded.errors(), testing::Not(HasSubstr("model last cannot")));
  EXPECT_THAT(loaded.errors(), HasSubstr("a model cannot be loaded, and require-all is set"));
}

TEST(Serve, AFolderWithoutAGoodNameIsToldAndTheOthersServe) {
  const std::string folder = "models_" + std::to_string(getpid());
  const FolderCopy good(folder + "/good"), other(folder + "/with blank");
  const std::string models = std::filesystem::path(good.path()).parent_path();
  Daemon daemon({"--models-dir", models});
  auto client = daemon.client();
  ASSERT_TRUE(daemon.ready()) << daemon.errors();
  EXPECT_THAT(client.Get("/v1/models")->body, HasSubstr("\"good"));
  EXPECT_THAT(daemon.messages(), HasSubstr("\" is not served: its name is none for a model; "
                                           "give it one: --model 'NAME="));
  Daemon all({"--models-dir", models, "--require-all"});
  EXPECT_EQ(all.wait(), 1);
  EXPECT_THAT(all.errors(), HasSubstr("a model cannot be loaded, and require-all is set"));
}

TEST(Serve, WhenAllModelsHaveFailedItEnds) {
  FolderCopy late("late");
  late.write("tokenizer.json", "{}");
  Child loaded({"serve", "--port", "0", "--model", "a=" + late.path(), "--model",
                "b=" + late.path(), "--model", "gone=/nowhere"});
  EXPECT_EQ(loaded.wait(), 1);
  EXPECT_THAT(loaded.errors(), HasSubstr("no model can be loaded"));
  late.write("config.json", "{}");
  Child planned(
      {"serve", "--port", "0", "--model", "a=" + late.path(), "--model", "gone=/nowhere"});
  EXPECT_EQ(planned.wait(), 1);
  EXPECT_THAT(planned.errors(), HasSubstr("model a cannot be loaded: "));
  EXPECT_THAT(planned.errors(), HasSubstr("no model can be loaded"));
}

int health_check(const Daemon& daemon) {
  const std::string command = "docker/healthcheck " + std::to_string(daemon.pid()) + " >/dev/null";
  return WEXITSTATUS(std::system(command.c_str()));
}

TEST(Serve, TheHealthCheckAsksWhereTheDaemonListens) {
  Daemon v4, everywhere({"--host", "0.0.0.0", "--insecure-no-auth"});
  for (Daemon* daemon : {&v4, &everywhere}) {
    ASSERT_TRUE(daemon->wait_for("listening on ")) << daemon->errors();
    EXPECT_EQ(health_check(*daemon), 0) << daemon->errors();
  }
  v4.signal(SIGKILL);
  v4.wait();
  EXPECT_EQ(health_check(v4), 1) << "nobody listens there any more";
}

TEST(Serve, ALogThatNobodyReadsHoldsUpNeitherRequestsNorSignals) {
  Daemon daemon;
  auto client = daemon.client();
  ASSERT_TRUE(daemon.ready()) << daemon.errors();
  daemon.narrow_errors();
  for (int i = 0; i < 60; ++i)  // of some 200 bytes a line
    ASSERT_EQ(embed(client, "a")["status"], 200) << i;
  EXPECT_EQ(client.Get("/health")->status, 200);
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait_unread(), 0);
}

TEST(Serve, AClosedStandardErrorIsNoOtherFile) {
  const std::string folder = testing::TempDir() + "/weir_closed_" + std::to_string(getpid());
  Child daemon({"serve", "--port", "0", "--data-dir", folder, "--model",
                "wide=" + kBert + ",max-model-len=100000"},
               "", {}, "exec 2>&-");
  EXPECT_EQ(daemon.wait(), 1);
  std::ifstream lock(folder + "/weir.lock");
  const std::string text(std::istreambuf_iterator<char>(lock), {});
  EXPECT_THAT(text, testing::MatchesRegex("[0-9]+\n"));
  std::filesystem::remove_all(folder);
}

TEST(Serve, ALimitOfFilesBelowMaxConnectionsIsToldAndHeld) {
  Daemon daemon({}, {}, "ulimit -n 200");
  auto client = daemon.client();
  EXPECT_THAT(daemon.errors(), HasSubstr("max-connections is 2048; the limit of open files, 200, "
                                         "leaves room for 136"));
  ASSERT_TRUE(daemon.ready()) << daemon.errors();
  EXPECT_EQ(embed(client, "a")["status"], 200);
}

TEST(Serve, SignalsThatDoNotStop) {
  std::string path = testing::TempDir() + "/weir_hup_keys_" + std::to_string(getpid()) + ".toml";
  std::ofstream(path) << "[[key]]\nname = \"a\"\nhash = \"" << traffic::hash_secret("s") << "\"\n";
  Daemon daemon({"--keys", path});
  ASSERT_TRUE(daemon.ready()) << daemon.errors();
  daemon.signal(SIGHUP);
  EXPECT_TRUE(daemon.wait_for("key file read again: 1 keys")) << daemon.errors();
  Daemon keyless;
  ASSERT_TRUE(keyless.ready()) << keyless.errors();
  keyless.signal(SIGHUP);
  EXPECT_TRUE(keyless.wait_for("SIGHUP does nothing here: there is no key file"));
  daemon.signal(SIGUSR1);
  EXPECT_TRUE(daemon.wait_for("signal 10 does nothing here")) << daemon.errors();
  daemon.signal(SIGQUIT);
  EXPECT_EQ(daemon.wait(), 0) << daemon.errors();
  std::remove(path.c_str());
}

TEST(Serve, APortInUseEndsIt) {
  Daemon first;
  auto client = first.client();
  Child second({"serve", "--model", "tiny=" + kBert, "--port", std::to_string(client.port())});
  EXPECT_EQ(second.wait(), 1);
  EXPECT_THAT(second.errors(),
              HasSubstr("cannot listen on 127.0.0.1 port " + std::to_string(client.port())));
}

TEST(Serve, OtherAddressesWantAKey) {
  Daemon daemon({"--host", "0.0.0.0"});
  EXPECT_EQ(daemon.wait(), 2);
  EXPECT_THAT(daemon.errors(), HasSubstr("--keys FILE, --api-key KEY (WEIR_API_KEY)"));
  EXPECT_THAT(daemon.errors(), HasSubstr("--insecure-no-auth"));
}

TEST(Serve, AKeyOfTheEnvironmentIsAskedFor) {
  Daemon daemon({}, {"WEIR_API_KEY=hunter2"});
  auto client = daemon.client();
  ASSERT_TRUE(daemon.ready()) << daemon.errors();
  EXPECT_EQ(embed(client, "a")["status"], 401);
  client.set_bearer_token_auth("hunter2");
  EXPECT_EQ(embed(client, "a")["status"], 200);
}

TEST(Serve, AChangedKeyFileHoldsAtOnceAndAWrongOneChangesNothing) {
  std::string path = testing::TempDir() + "/weir_serve_keys_" + std::to_string(getpid()) + ".toml";
  auto entry = [](const std::string& name, const std::string& more = "") {
    return "[[key]]\nname = \"" + name + "\"\nhash = \"" + traffic::hash_secret("secret-" + name) +
           "\"\n" + more;
  };
  std::ofstream(path) << entry("a");
  Daemon daemon({"--keys", path});
  auto client = daemon.client();
  ASSERT_TRUE(daemon.ready()) << daemon.errors();
  client.set_bearer_token_auth("secret-b");
  EXPECT_EQ(embed(client, "a")["status"], 401);
  std::ofstream(path)
      << entry("a") +
             entry("b", "limits = [ { unit = \"requests\", cap = 1, window = \"1h\" } ]\n");
  ASSERT_TRUE(daemon.wait_for("key file read again: 2 keys")) << daemon.errors();
  EXPECT_EQ(embed(client, "a")["status"], 200);
  json refused = embed(client, "a");
  EXPECT_EQ(refused["status"], 429) << refused;
  EXPECT_EQ(refused["error"]["type"], "requests");
  std::ofstream(path) << entry("a") << "nonsense = 1\n";
  ASSERT_TRUE(daemon.wait_for("key file refused, the old keys hold: ")) << daemon.errors();
  client.set_bearer_token_auth("secret-a");
  EXPECT_EQ(embed(client, "a")["status"], 200);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace weir::app
