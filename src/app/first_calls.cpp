#include "app/first_calls.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kColumns = 120;

/// A kind of task, its route, and what is asked.
struct Call {
  bool (*fits)(const Offer& offer);
  const char* path;
  const char* body;  // without the model
};

bool generates(const Offer& offer) { return offer.tasks.has(serve::HeadTask::generate); }

constexpr Call kChat{
    [](const Offer& offer) { return offer.converses; }, "/v1/chat/completions",
    R"({"max_tokens":64,"messages":[{"role":"user","content":"Name three fruits."}]})"};
constexpr Call kContinue{
    [](const Offer& offer) { return generates(offer) && !offer.encoder_decoder; },
    "/v1/completions", R"({"prompt":"The river"})"};
constexpr Call kRewrite{[](const Offer& offer) { return offer.encoder_decoder; }, "/v1/completions",
                        R"({"prompt":"The river is wide."})"};
constexpr Call kEmbed{[](const Offer& offer) { return offer.tasks.has(serve::HeadTask::embed); },
                      "/v1/embeddings", R"({"input":"A weir holds back water."})"};
constexpr Call kClassify{
    [](const Offer& offer) { return offer.tasks.has(serve::HeadTask::classify); }, "/v1/classify",
    R"({"input":"I love this river."})"};
constexpr Call kTag{[](const Offer& offer) { return offer.tasks.has(serve::HeadTask::tag); },
                    "/v1/tag", R"({"input":"Ada lived in London."})"};

std::string shell_word(const std::string& text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? R"('\'')" : std::string(1, c);
  return word + "'";
}

std::string command(const Call& call, const std::string& model, const std::string& authority,
                    bool wants_key) {
  Json body{{"model", model}};
  body.update(Json::parse(call.body));
  const std::string url = authority + call.path;
  std::string first = "try: curl " + (url.starts_with('[') ? shell_word(url) : url);
  if (wants_key) first += R"( -H "Authorization: Bearer $WEIR_API_KEY")";
  const std::string rest = "-d " + shell_word(body.dump());
  const bool fits = first.size() + 1 + rest.size() <= kColumns;
  return first + (fits ? " " : " \\\n     ") + rest;
}

}  // namespace

std::string reachable_host(const std::string& host) {
  if (host == "0.0.0.0" || host == "::" || host == "127.0.0.1" || host == "::1") return "localhost";
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::vector<std::string> first_calls(std::span<const Offer> offers, const std::string& authority,
                                     bool wants_key) {
  const bool chats = std::ranges::any_of(offers, kChat.fits);
  std::vector<std::string> commands;
  for (const Call& call : {chats ? kChat : kContinue, kRewrite, kEmbed, kClassify, kTag}) {
    const auto offer = std::ranges::find_if(offers, call.fits);
    if (offer != offers.end())
      commands.push_back(command(call, offer->model, authority, wants_key));
  }
  return commands;
}

}  // namespace weir::app
