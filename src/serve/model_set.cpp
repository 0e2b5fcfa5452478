#include "model_set.h"

#include <algorithm>
#include <cstdlib>

#include "context_length.h"
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
    models_.push_back({{std::move(model), std::move(series)}, nullptr, {}});
  }
}

Result<std::shared_ptr<const ReadyModel>> ModelSet::resolve(const std::string& name, Needs needs,
                                                            const traffic::Key& key) const {
  auto found = find(name, needs, key);
  if (!found) return found.error();
  const TrackedModel& tracked = **found;
  if (!key.may_use(tracked.served.name))
    return Error{
        .code = Code::permission_denied,
        .message = "key \"" + key.name + "\" may not use model \"" + tracked.served.name + '"',
        .param = "model"};
  std::lock_guard lock(mutex_);
  if (!tracked.ready) return unavailable(tracked);
  return tracked.ready;
}

const KnownModel* ModelSet::called(const std::string& name, Needs needs,
                                   const traffic::Key& key) const {
  auto found = find(name, needs, key);
  return found ? *found : nullptr;
}

Result<const ModelSet::TrackedModel*> ModelSet::find(const std::string& name, Needs needs,
                                                     const traffic::Key& key) const {
  return name.empty() ? only(needs, key) : named(name, needs.tasks, key);
}

Result<const ModelSet::TrackedModel*> ModelSet::named(const std::string& name, Tasks needs,
                                                      const traffic::Key& key) const {
  for (const TrackedModel& tracked : models_) {
    if (!is_called(tracked.served, name)) continue;
    if (tracked.served.tasks && !tracked.served.tasks->has_all(needs))
      return invalid("model \"" + tracked.served.name + "\" " +
                         tracked.served.tasks->what_they_do() + "; this route wants one that " +
                         needs.what_they_do(),
                     "model");
    return &tracked;
  }
  std::string served;
  for (const TrackedModel& tracked : models_)
    if (key.may_use(tracked.served.name))
      served += (served.empty() ? "" : ", ") + tracked.served.name;
  return Error{.code = Code::not_found,
               .message = "model \"" + excerpt(name) + "\" is not served; served: " + served,
               .param = "model"};
}

Result<const ModelSet::TrackedModel*> ModelSet::only(Needs needs, const traffic::Key& key) const {
  const auto does = [&](const TrackedModel& tracked) {
    return tracked.served.tasks.value_or(Tasks()).has_all(needs.tasks);
  };
  const auto chats = [&](const TrackedModel& tracked) {
    return does(tracked) && !tracked.served.encoder_decoder;
  };
  const bool only_chats = needs.chat && std::any_of(models_.begin(), models_.end(), chats);
  std::vector<const TrackedModel*> able, usable, unknown;
  for (const TrackedModel& tracked : models_) {
    if (!needs.tasks.empty() && !tracked.served.tasks) unknown.push_back(&tracked);
    if (only_chats ? !chats(tracked) : !does(tracked)) continue;
    able.push_back(&tracked);
    if (key.may_use(tracked.served.name)) usable.push_back(&tracked);
  }
  // A model that failed before its tasks were known is taken only if no other model fits.
  if (able.empty() && unknown.size() == 1) return unknown.front();
  if (able.size() == 1) return able.front();
  if (usable.size() == 1) return usable.front();
  if (usable.empty())
    return invalid(needs.tasks.empty()
                       ? "no model is served"
                       : "no model that " + needs.tasks.what_they_do() + " is served",
                   "model");
  std::string names;
  for (const TrackedModel* tracked : usable)
    names += (names.empty() ? "" : ", ") + tracked->served.name;
  return invalid("model is missing; choose one of: " + names, "model",
                 error_name::kMissingParameter);
}

Error ModelSet::unavailable(const TrackedModel& tracked) const {
  if (!tracked.failure.empty())
    return {
        .code = Code::unavailable,
        .message = "model \"" + tracked.served.name + "\" could not be loaded: " + tracked.failure,
        .name = "model_failed",
        .never_retry = true};
  return {.code = Code::unavailable,
          .message = "model \"" + tracked.served.name + "\" is loading",
          .retry_after = retry_after_};
}

void ModelSet::mark_ready(const std::string& name, ModelCard loaded) {
  TrackedModel& marked = tracked(name);
  loaded.max_model_len = longest_input(loaded.text, loaded.max_model_len);
  auto ready = std::make_shared<const ReadyModel>(ReadyModel{marked, std::move(loaded)});
  std::lock_guard lock(mutex_);
  marked.ready = std::move(ready);
  marked.failure.clear();
}

void ModelSet::mark_failed(const std::string& name, const Error& reason) {
  TrackedModel& marked = tracked(name);
  std::lock_guard lock(mutex_);
  marked.ready = nullptr;
  marked.failure = reason.message.empty() ? "no reason given" : reason.message;
}

ModelSet::TrackedModel& ModelSet::tracked(const std::string& name) {
  for (TrackedModel& tracked : models_)
    if (tracked.served.name == name) return tracked;
  last_words("believed: model \"" + name + "\" was declared before it was marked\n");
  std::abort();
}

std::vector<ModelInfo> ModelSet::list(const traffic::Key& key) const {
  std::vector<ModelInfo> infos;
  std::lock_guard lock(mutex_);
  const bool admin = key.has(traffic::Scope::admin);
  for (const TrackedModel& tracked : models_) {
    if (!key.may_use(tracked.served.name)) continue;
    if (admin && !tracked.failure.empty())
      infos.push_back({.name = tracked.served.name,
                       .tasks = tracked.served.tasks,
                       .created = tracked.served.created,
                       .failure = tracked.failure});
    if (!tracked.ready) continue;
    const ModelCard& loaded = tracked.ready->loaded;
    infos.push_back({.name = tracked.served.name,
                     .tasks = tracked.served.tasks,
                     .created = tracked.served.created,
                     .max_model_len = loaded.max_model_len,
                     .max_source_len = max_source_len(loaded),
                     .architecture = loaded.architecture,
                     .dtype = loaded.dtype,
                     .fingerprint = loaded.known_fingerprint()});
  }
  return infos;
}

std::vector<ModelState> ModelSet::states() const {
  std::vector<ModelState> states;
  std::lock_guard lock(mutex_);
  for (const TrackedModel& tracked : models_) {
    Progress::State state;
    if (tracked.ready)
      state = {"ready", 100, std::nullopt};
    else if (!tracked.failure.empty())
      state = {"failed", 0, std::nullopt};
    else if (tracked.served.progress)
      state = tracked.served.progress->state();
    else
      state = {"loading", 0, std::nullopt};
    states.push_back({tracked.served.name, std::move(state), tracked.failure});
  }
  return states;
}

bool ModelSet::serving() const {
  std::lock_guard lock(mutex_);
  const auto ready = [](const TrackedModel& tracked) { return tracked.ready != nullptr; };
  const auto settled = [&](const TrackedModel& tracked) {
    return ready(tracked) || !tracked.failure.empty();
  };
  return std::all_of(models_.begin(), models_.end(), settled) &&
         std::any_of(models_.begin(), models_.end(), ready);
}

std::vector<const ServedModel*> ModelSet::all() const {
  std::vector<const ServedModel*> all;
  for (const TrackedModel& tracked : models_) all.push_back(&tracked.served);
  return all;
}

void ModelSet::tell(Scrape& to) const {
  std::lock_guard lock(mutex_);
  for (const TrackedModel& tracked : models_) {
    const std::string& model = tracked.served.name;
    const std::string state = tracked.ready             ? "ready"
                              : tracked.failure.empty() ? "loading"
                                                        : "failed";
    for (const char* each : {"loading", "ready", "failed"})
      to.gauge("weir_model_state", "1 for the state that a model is in: loading, ready or failed.",
               {{"model", model}, {"state", each}}, state == each ? 1 : 0);
    if (state == "failed")
      to.gauge("weir_model_failure_info", "Why a model cannot be loaded, as a label.",
               {{"model", model}, {"reason", excerpt(valid_utf8(tracked.failure), kMostReason)}},
               1);
  }
}

size_t ModelSet::longest_queue() const {
  size_t longest = 0;
  for (const TrackedModel& tracked : models_)
    longest = std::max(longest, tracked.served.queue->waiting());
  return longest;
}

}  // namespace weir::serve
