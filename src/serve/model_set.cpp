#include "model_set.h"

#include <algorithm>
#include <cstdlib>

#include "weir/base/error_name.h"
#include "weir/base/excerpt.h"
#include "weir/base/last_words.h"
#include "weir/base/utf8.h"

namespace weir::serve {
namespace {

constexpr size_t kMostReason = 400;  // bytes of a label

bool is_called(const ServedModel& model, const std::string& name) {
  return model.name == name ||
         std::find(model.aliases.begin(), model.aliases.end(), name) != model.aliases.end();
}

}  // namespace

ModelSet::ModelSet(std::vector<ServedModel> models, std::chrono::milliseconds retry_after,
                   Registry& metrics)
    : retry_after_(retry_after) {
  for (ServedModel& model : models) {
    RequestSeries series(metrics, model.name);
    places_.push_back({{std::move(model), std::move(series)}, nullptr, {}});
  }
}

Result<std::shared_ptr<const ReadyModel>> ModelSet::resolve(const std::string& name, Tasks needs,
                                                            const traffic::Key& key) const {
  auto found = find(name, needs, key);
  if (!found) return found.error();
  const Place& place = **found;
  if (!key.may_use(place.served.name))
    return Error{
        .code = Code::permission_denied,
        .message = "key \"" + key.name + "\" may not use model \"" + place.served.name + '"',
        .param = "model"};
  std::lock_guard lock(mutex_);
  if (!place.ready) return unavailable(place);
  return place.ready;
}

const KnownModel* ModelSet::called(const std::string& name, Tasks needs,
                                   const traffic::Key& key) const {
  auto found = find(name, needs, key);
  return found ? *found : nullptr;
}

Result<const ModelSet::Place*> ModelSet::find(const std::string& name, Tasks needs,
                                              const traffic::Key& key) const {
  return name.empty() ? only(needs, key) : named(name, needs, key);
}

Result<const ModelSet::Place*> ModelSet::named(const std::string& name, Tasks needs,
                                               const traffic::Key& key) const {
  for (const Place& place : places_) {
    if (!is_called(place.served, name)) continue;
    if (place.served.tasks && !place.served.tasks->has_all(needs))
      return invalid("model \"" + place.served.name + "\" " + place.served.tasks->what_they_do() +
                         "; this route wants one that " + needs.what_they_do(),
                     "model");
    return &place;
  }
  std::string served;
  for (const Place& place : places_)
    if (key.may_use(place.served.name)) served += (served.empty() ? "" : ", ") + place.served.name;
  return Error{.code = Code::not_found,
               .message = "model \"" + excerpt(name) + "\" is not served; served: " + served,
               .param = "model"};
}

Result<const ModelSet::Place*> ModelSet::only(Tasks needs, const traffic::Key& key) const {
  std::vector<const Place*> able, usable, unknown;
  for (const Place& place : places_) {
    if (!needs.empty() && !place.served.tasks) unknown.push_back(&place);
    if (!place.served.tasks.value_or(Tasks()).has_all(needs)) continue;
    able.push_back(&place);
    if (key.may_use(place.served.name)) usable.push_back(&place);
  }
  // A model that failed before its tasks were known is taken only if no other model fits.
  if (able.empty() && unknown.size() == 1) return unknown.front();
  if (able.size() == 1) return able.front();
  if (usable.size() == 1) return usable.front();
  if (usable.empty())
    return invalid(needs.empty() ? "no model is served"
                                 : "no model that " + needs.what_they_do() + " is served",
                   "model");
  std::string names;
  for (const Place* place : usable) names += (names.empty() ? "" : ", ") + place->served.name;
  return invalid("model is missing; choose one of: " + names, "model",
                 error_name::kMissingParameter);
}

Error ModelSet::unavailable(const Place& place) const {
  if (!place.failure.empty())
    return {.code = Code::unavailable,
            .message = "model \"" + place.served.name + "\" could not be loaded: " + place.failure,
            .name = "model_failed",
            .never_retry = true};
  return {.code = Code::unavailable,
          .message = "model \"" + place.served.name + "\" is loading",
          .retry_after = retry_after_};
}

void ModelSet::mark_ready(const std::string& name, LoadedModel loaded) {
  Place& marked = place(name);
  loaded.max_model_len = longest_input(loaded.text, loaded.max_model_len);
  auto ready = std::make_shared<const ReadyModel>(ReadyModel{marked, std::move(loaded)});
  std::lock_guard lock(mutex_);
  marked.ready = std::move(ready);
  marked.failure.clear();
}

void ModelSet::mark_failed(const std::string& name, const Error& reason) {
  Place& marked = place(name);
  std::lock_guard lock(mutex_);
  marked.ready = nullptr;
  marked.failure = reason.message.empty() ? "no reason given" : reason.message;
}

ModelSet::Place& ModelSet::place(const std::string& name) {
  for (Place& place : places_)
    if (place.served.name == name) return place;
  last_words("believed: model \"" + name + "\" was declared before it was marked\n");
  std::abort();
}

std::vector<ModelInfo> ModelSet::list(const traffic::Key& key) const {
  std::vector<ModelInfo> infos;
  std::lock_guard lock(mutex_);
  const bool admin = key.has(traffic::Scope::admin);
  for (const Place& place : places_) {
    if (!key.may_use(place.served.name)) continue;
    if (admin && !place.failure.empty())
      infos.push_back({.name = place.served.name,
                       .tasks = place.served.tasks,
                       .created = place.served.created,
                       .failure = place.failure});
    if (!place.ready) continue;
    const LoadedModel& loaded = place.ready->loaded;
    infos.push_back({.name = place.served.name,
                     .tasks = place.served.tasks,
                     .created = place.served.created,
                     .max_model_len = loaded.max_model_len,
                     .architecture = loaded.architecture,
                     .dtype = loaded.dtype,
                     .fingerprint = loaded.fingerprint});
  }
  return infos;
}

std::vector<ModelState> ModelSet::states() const {
  std::vector<ModelState> states;
  std::lock_guard lock(mutex_);
  for (const Place& place : places_) {
    Progress::State state;
    if (place.ready)
      state = {"ready", 100, std::nullopt};
    else if (!place.failure.empty())
      state = {"failed", 0, std::nullopt};
    else if (place.served.progress)
      state = place.served.progress->state();
    else
      state = {"loading", 0, std::nullopt};
    states.push_back({place.served.name, std::move(state), place.failure});
  }
  return states;
}

bool ModelSet::serving() const {
  std::lock_guard lock(mutex_);
  const auto ready = [](const Place& place) { return place.ready != nullptr; };
  const auto settled = [&](const Place& place) { return ready(place) || !place.failure.empty(); };
  return std::all_of(places_.begin(), places_.end(), settled) &&
         std::any_of(places_.begin(), places_.end(), ready);
}

std::vector<const ServedModel*> ModelSet::all() const {
  std::vector<const ServedModel*> all;
  for (const Place& place : places_) all.push_back(&place.served);
  return all;
}

void ModelSet::tell(Scrape& to) const {
  std::lock_guard lock(mutex_);
  for (const Place& place : places_) {
    const std::string& model = place.served.name;
    const std::string state = place.ready ? "ready" : place.failure.empty() ? "loading" : "failed";
    for (const char* each : {"loading", "ready", "failed"})
      to.gauge("weir_model_state", "1 for the state that a model is in: loading, ready or failed.",
               {{"model", model}, {"state", each}}, state == each ? 1 : 0);
    if (state == "failed")
      to.gauge("weir_model_failure_info", "Why a model cannot be loaded, as a label.",
               {{"model", model}, {"reason", excerpt(valid_utf8(place.failure), kMostReason)}}, 1);
  }
}

size_t ModelSet::longest_queue() const {
  size_t longest = 0;
  for (const Place& place : places_) longest = std::max(longest, place.served.queue->waiting());
  return longest;
}

}  // namespace weir::serve
