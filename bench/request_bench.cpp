// What a request costs beyond the model's step: the daemon's own HTTP server, service, gate, queue
// and scheduler before a model that answers at once, asked over loopback. Prints one line of JSON:
// for each kind of request the wall time as its client sees it, the processor time and the sleeps
// of all threads but the client's, each a request; then the parts alone. Log lines are written as
// the daemon writes them: send standard error where it may go.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "request/loopback.h"
#include "request/parts.h"
#include "request/stack.h"
#include "weir/base/log.h"

namespace {

using namespace weir;
using namespace weir::bench;

struct Options {
  StackOptions stack;
  size_t requests = 2000, clients = 1;
  uint64_t row_us = 0;
  std::string only;
  bool parts = true;
};

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer s\r\n"
         "Content-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// `fields` behind the model's name.
std::string body(const char* model, const std::string& fields) {
  return std::string(R"({"model":")") + model + "\"," + fields + "}";
}

const std::string kChat =
    R"("messages":[{"role":"user","content":"Name three rivers."}],"max_tokens":1)";
const std::string kCompletion = R"("prompt":"Name three rivers.","max_tokens":1,"temperature":0)";
const std::string kStream = R"(,"stream":true)";
const std::string kEmbedding =
    R"("input":"river water stone house bank flood mill gate fish boat bridge rain lake wind road )"
    R"(tree river water stone house bank flood mill gate fish boat bridge rain lake wind road")";

struct Kind {
  std::string name, request;
  size_t limits = 0;
  Spent spent;
};

std::vector<Kind> kinds() {
  const auto chat = [](const std::string& more) {
    return post("/v1/chat/completions", body(Stack::kGenerator, kChat + more));
  };
  const auto completion = [](const std::string& more) {
    return post("/v1/completions", body(Stack::kGenerator, kCompletion + more));
  };
  return {{"completion", completion("")},
          {"completion_8_limits", completion(""), 8},
          {"completion_stream", completion(kStream)},
          {"chat", chat("")},
          {"chat_8_limits", chat(""), 8},
          {"chat_stream", chat(kStream)},
          {"embedding", post("/v1/embeddings", body(Stack::kEncoder, kEmbedding))}};
}

/// Kinds take turns, so that what disturbs the machine disturbs all of them.
void measure(std::vector<Kind>& all, Stack& stack, const Options& options) {
  constexpr size_t kRounds = 5;
  Clients clients(stack.port(), options.clients);
  for (size_t round = 0; round <= kRounds; ++round)
    for (Kind& kind : all) {
      if (!options.only.empty() && kind.name != options.only) continue;
      stack.service().set_keys(key_with_limits(kind.limits));
      const Spent spent = clients.run(kind.request, options.requests / kRounds + 1);
      if (round > 0) kind.spent.add(spent);
    }
}

void print(std::vector<Kind>& all, const std::vector<std::pair<std::string, double>>& parts) {
  std::string out = "{\"requests\":{";
  const char* comma = "";
  for (Kind& kind : all) {
    if (kind.spent.wall_us.empty()) continue;
    char text[256];
    std::snprintf(text, sizeof text,
                  "%s\"%s\":{\"wall_us_p50\":%.1f,\"wall_us_p99\":%.1f,\"cpu_us\":%.1f,"
                  "\"sleeps\":%.2f}",
                  std::exchange(comma, ","), kind.name.c_str(), kind.spent.percentile(0.5),
                  kind.spent.percentile(0.99), kind.spent.cpu_us / kind.spent.count(),
                  kind.spent.switches / kind.spent.count());
    out += text;
  }
  out += "},\"parts_us\":{";
  comma = "";
  for (const auto& [name, time] : parts) {
    char text[128];
    std::snprintf(text, sizeof text, "%s\"%s\":%.2f", std::exchange(comma, ","), name.c_str(),
                  time);
    out += text;
  }
  std::printf("%s}}\n", out.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("The cost of a request beyond the model's step; one line of JSON.");
  app.add_option("generator", options.stack.generator, "folder of a model that chats")
      ->default_val("models/downloaded/smollm2-135m-instruct");
  app.add_option("encoder", options.stack.encoder, "folder of an encoder")
      ->default_val("models/downloaded/all-minilm-l6-v2");
  app.add_option("--requests", options.requests, "of each kind")->check(CLI::PositiveNumber);
  app.add_option("--clients", options.clients, "at once, in a closed loop")
      ->check(CLI::Range(1, 1024));
  app.add_option("--row-us", options.row_us, "the step's time for each of its rows");
  app.add_option("--only", options.only, "one kind of request");
  app.add_flag("!--no-parts", options.parts, "no parts alone");
  CLI11_PARSE(app, argc, argv);
  options.stack.row_time = std::chrono::microseconds(options.row_us);
  if (auto log = start_log(LogFormat::text, "info"); !log) give_up(log.error().message);

  Stack stack(options.stack);
  std::vector<Kind> all = kinds();
  measure(all, stack, options);
  const Bodies bodies{.chat = body(Stack::kGenerator, kChat),
                      .completion = body(Stack::kGenerator, kCompletion),
                      .embedding = body(Stack::kEncoder, kEmbedding)};
  print(all,
        options.parts ? time_parts(stack, bodies) : std::vector<std::pair<std::string, double>>());
}
