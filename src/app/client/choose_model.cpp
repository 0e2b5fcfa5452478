#include "app/client/choose_model.h"

#include <algorithm>

#include "app/client/conversation.h"
#include "app/words.h"
#include "weir/base/excerpt.h"

namespace weir::app {
namespace {

std::vector<std::string> names_of(const std::vector<ListedModel>& models) {
  std::vector<std::string> names;
  for (const ListedModel& model : models) names.push_back(model.name);
  return names;
}

/// The models that may be able to chat: only the daemon knows whether they have a chat template.
std::vector<std::string> may_chat(std::vector<ListedModel> models) {
  std::erase_if(models, [](const ListedModel& m) { return m.kind != "generate" || m.max_source; });
  return names_of(models);
}

Error unknown(const std::string& wanted, const std::vector<std::string>& names,
              const DaemonClient& client) {
  const std::string what = url_of(client.access().address) + " serves no model " + excerpt(wanted);
  if (names.empty())
    return {.code = Code::not_found, .message = what + ", and none that this key may ask"};
  const std::string* meant = meant_by(wanted, names);
  return {.code = Code::not_found,
          .message = what + (meant ? "; did you mean " + *meant + "? It" : "; it") + " serves " +
                     joined(names, ", ")};
}

Result<void> try_model(const DaemonClient& client, const ChatOptions& options,
                       const std::string& name) {
  Conversation conversation(options);
  conversation.say("Hello.");
  return client.try_chat(conversation.body(name));
}

}  // namespace

std::optional<Error> failure_of(const std::vector<ModelState>& states, const std::string& model) {
  for (const ModelState& state : states)
    if (state.failed() && (model.empty() ? states.size() == 1 : state.name == model))
      return Error{.code = Code::unavailable,
                   .message = "model " + state.name + " cannot be loaded: " + state.failure};
  return std::nullopt;
}

Result<std::string> choose_model(const DaemonClient& client, const ChatOptions& options) {
  auto models = client.models();
  if (!models) return models.error();
  const std::vector<std::string> names = names_of(*models), able = may_chat(*models);
  const std::string& wanted = options.model;
  if (!wanted.empty() && !std::ranges::count(names, wanted)) return unknown(wanted, names, client);
  Error why = invalid("none of the models at " + url_of(client.access().address) +
                      " can chat: " + (names.empty() ? "there is none" : joined(names, ", ")));
  for (const std::string& name : wanted.empty() ? able : std::vector{wanted}) {
    auto tried = try_model(client, options, name);
    if (tried) return name;
    why = tried.error();
  }
  if (!wanted.empty() && !able.empty() && !std::ranges::count(able, wanted))
    why.message += "; those that may chat: " + joined(able, ", ");
  return why;
}

}  // namespace weir::app
