#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "request_series.h"
#include "weir/serve/served_model.h"
#include "weir/serve/service.h"
#include "weir/traffic/key.h"

namespace weir::serve {

/// A model in any state.
struct KnownModel {
  ServedModel served;
  RequestSeries series;
};

/// A model that can answer. Immutable.
struct ReadyModel : KnownModel {
  ModelCard loaded;
};

/// What a request needs of its model.
struct Needs {
  Tasks tasks = {};   // empty: any model will do
  bool chat = false;  // a conversation is preferably for a model that is no encoder-decoder
};

/// The models by name, and the state of each: loading, ready or failed. Thread-safe.
class ModelSet {
 public:
  /// `metrics` outlives it.
  ModelSet(std::vector<ServedModel> models, std::chrono::milliseconds retry_after,
           Registry& metrics);

  /// The model with this name or alias. An empty name means the only model that fits `needs`.
  /// Errors: not_found; invalid_argument (the model lacks a task; no name, and not exactly one
  /// model fits); permission_denied; unavailable (loading); unavailable with the name model_failed.
  Result<std::shared_ptr<const ReadyModel>> resolve(const std::string& name, Needs needs,
                                                    const traffic::Key& key) const;

  /// The model that resolve() would look at, in any state; null if there is none.
  const KnownModel* called(const std::string& name, Needs needs, const traffic::Key& key) const;

  void mark_ready(const std::string& name, ModelCard loaded);
  void mark_failed(const std::string& name, const Error& reason);

  std::vector<ModelInfo> list(const traffic::Key& key) const;  // ready; for admins also failed ones
  std::vector<ModelState> states() const;
  /// Nothing loads any more, and at least one model can answer.
  bool serving() const;
  size_t longest_queue() const;
  std::vector<const ServedModel*> all() const;  // in any state
  /// Tells the state of each model, and why a model failed.
  void tell(Scrape& to) const;

 private:
  struct TrackedModel : KnownModel {
    std::shared_ptr<const ReadyModel> ready;
    std::string failure;
  };

  Result<const TrackedModel*> find(const std::string& name, Needs needs,
                                   const traffic::Key& key) const;
  Result<const TrackedModel*> named(const std::string& name, Tasks needs,
                                    const traffic::Key& key) const;
  Result<const TrackedModel*> only(Needs needs, const traffic::Key& key) const;
  Error unavailable(const TrackedModel& tracked) const;
  TrackedModel& tracked(const std::string& name);

  const std::chrono::milliseconds retry_after_;
  mutable std::mutex mutex_;  // guards ready and failure of models_; the rest never changes
  std::vector<TrackedModel> models_;
};

}  // namespace weir::serve
