#include "app/client/daemon_client.h"

#include <nlohmann/json.hpp>

#include "app/client/http_call.h"

namespace weir::app {
namespace {

using nlohmann::json;

Error not_weir(const DaemonAddress& address) {
  return {.message = "what answers at " + url_of(address) + " is not weir"};
}

/// The JSON that the daemon answers with one of the two statuses.
Result<json> get(const DaemonAccess& access, const std::string& path, int also = 200) {
  auto client = make_client(access.address);
  const auto answer = client.Get(path, headers_of(access));
  if (!answer) return no_answer(answer.error(), access.address);
  if (answer->status != 200 && answer->status != also)
    return refusal_of(answer->status, answer->body, access);
  auto parsed = json::parse(answer->body, nullptr, false);
  if (!parsed.is_object()) return not_weir(access.address);
  return parsed;
}

/// Reads the entries of the list `field`; the types of their fields are checked by `read`'s get().
template <class Entry>
Result<std::vector<Entry>> list_of(const json& answer, const char* field,
                                   const DaemonAddress& address, Entry (*read)(const json&)) {
  std::vector<Entry> entries;
  try {
    for (const json& entry : answer.at(field)) entries.push_back(read(entry));
  } catch (const json::exception&) {
    return not_weir(address);
  }
  return entries;
}

ModelState state_of(const json& model) {
  ModelState state{.name = model.at("name"),
                   .progress = {.phase = model.at("phase"), .percent = model.at("percent")},
                   .failure = model.value("reason", "")};
  if (const json& left = model.at("estimated_seconds"); !left.is_null())
    state.progress.left = std::chrono::seconds(left.get<int64_t>());
  return state;
}

ListedModel listed(const json& model) {
  ListedModel listed{.name = model.at("id")};
  if (model.contains("reason")) return listed;  // one that failed, which states() tells
  listed.kind = model.at("kind");
  listed.tasks = model.at("tasks").get<std::vector<std::string>>();
  listed.max_tokens = model.at("max_model_len");
  if (model.contains("max_source_len")) listed.max_source = model.at("max_source_len");
  return listed;
}

}  // namespace

Result<std::vector<ModelState>> DaemonClient::states() const {
  constexpr int kNotReady = 503;
  auto answer = get({.address = access_.address}, "/ready", kNotReady);
  if (!answer) return answer.error();
  return list_of(*answer, "models", access_.address, state_of);
}

Result<std::vector<ListedModel>> DaemonClient::models() const {
  auto answer = get(access_, "/v1/models");
  if (!answer) return answer.error();
  auto models = list_of(*answer, "data", access_.address, listed);
  if (models) std::erase_if(*models, [](const ListedModel& model) { return model.kind.empty(); });
  return models;
}

Result<void> DaemonClient::try_chat(const std::string& body) const {
  auto client = make_client(access_.address);
  httplib::Headers headers = headers_of(access_);
  headers.emplace("x-weir-dry-run", "true");
  const auto answer = client.Post("/v1/chat/completions", headers, body, "application/json");
  if (!answer) return no_answer(answer.error(), access_.address);
  if (answer->status != 200) return refusal_of(answer->status, answer->body, access_);
  return {};
}

}  // namespace weir::app
