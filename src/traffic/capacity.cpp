#include "traffic/capacity.h"

#include <algorithm>
#include <span>
#include <utility>

namespace weir::traffic {
namespace {

using std::chrono::microseconds;
using Seconds = std::chrono::duration<double>;

// A step takes longer than this. Requests that come between two looks are in the bucket already.
constexpr std::chrono::milliseconds kFresh{20};

constexpr double kLate = 1.05, kInTime = 1 - 0.05 / 199, kMostCaution = 5;

int64_t micros(double seconds) {
  constexpr double kMost = 3600;
  return std::chrono::duration_cast<microseconds>(Seconds(std::clamp(seconds, 0.0, kMost))).count();
}

/// The learned speeds, with what waits now.
ModelPace frozen(const ModelPace& learned, const ModelPace& seen) {
  ModelPace pace = learned;
  pace.backlog_s = seen.backlog_s;
  pace.free_seats = seen.free_seats;
  pace.first_token_p99_s = seen.first_token_p99_s;
  return pace;
}

}  // namespace

Cell capacity_cell(const std::string& model, const Capacity& rule) {
  return {.id = "model:" + model + "/capacity",
          .limit = {.unit = Unit::capacity,
                    .cap = microseconds(rule.first_token_p99).count(),
                    .window = rule.first_token_p99},
          .owner = "model " + model};
}

void Capacities::watch(const std::string& model, std::function<ModelPace()> pace) {
  models_[model].source = std::move(pace);
}

void Capacities::set_rules(const Rules& rules) {
  for (auto& [name, watched] : models_) watched.rule = {};
  for (const ModelLimits& limited : rules.models) {
    if (limited.capacity.kind == Capacity::Kind::none) continue;
    models_[limited.name].rule = limited.capacity;
  }
  for (auto& [name, watched] : models_) {
    if (watched.rule.kind != Capacity::Kind::none) continue;
    watched.known = false;
    watched.caution = 1;
  }
}

const Capacities::Watched* Capacities::find(const std::string& model) const {
  auto found = models_.find(model);
  bool has = found != models_.end() && found->second.source &&
             found->second.rule.kind != Capacity::Kind::none;
  return has ? &found->second : nullptr;
}

void Capacities::look(TimePoint now) {
  for (auto& [name, watched] : models_) {
    if (find(name) == nullptr) continue;
    if (watched.known && now - watched.looked < kFresh) continue;
    look(name, watched, now);
  }
}

void Capacities::look(const std::string& model, Watched& watched, TimePoint now) {
  const ModelPace seen = watched.source();
  bool keep = watched.rule.kind == Capacity::Kind::frozen && watched.pace.prompt_tokens_per_s > 0;
  watched.pace = keep ? frozen(watched.pace, seen) : seen;
  watched.looked = now;
  watched.known = true;
  const Cell cell = capacity_cell(model, watched.rule);
  const int64_t level =
      cell.limit.cap - limiter_.adjust(std::span(&cell, 1), Cost{}, now).front().remaining;
  const int64_t wanted = micros(watched.caution * watched.pace.backlog_s);
  limiter_.adjust(std::span(&cell, 1), Cost{.capacity = wanted - level}, now);
}

int64_t Capacities::cost(const std::string& model, int64_t input_tokens) const {
  const Watched* watched = find(model);
  if (watched == nullptr) return 0;
  const ModelPace& pace = watched->pace;
  double seconds = pace.free_seats == 0 ? pace.turn_s : 0;
  if (pace.prompt_tokens_per_s > 0)
    seconds += static_cast<double>(input_tokens) / pace.prompt_tokens_per_s;
  const int64_t most = microseconds(watched->rule.first_token_p99).count() / 2;
  return std::clamp<int64_t>(micros(watched->caution * seconds), 1, most);
}

void Capacities::admitted(const std::string& model) {
  auto found = models_.find(model);
  if (found != models_.end() && found->second.pace.free_seats > 0) --found->second.pace.free_seats;
}

void Capacities::first_token(const std::string& model, Duration took) {
  if (find(model) == nullptr) return;
  Watched& watched = models_.at(model);
  if (watched.rule.kind != Capacity::Kind::automatic) return;
  bool late = took > watched.rule.first_token_p99;
  watched.caution = std::clamp(watched.caution * (late ? kLate : kInTime), 1.0, kMostCaution);
}

std::optional<CapacityState> Capacities::state(const std::string& model) const {
  const Watched* watched = find(model);
  if (watched == nullptr) return std::nullopt;
  return CapacityState{.rule = watched->rule, .pace = watched->pace, .caution = watched->caution};
}

void tell(Scrape& to, const std::string& model, const CapacityState& capacity) {
  const Labels of{{"model", model}};
  const auto speed = [&](const char* phase, double tokens_per_s) {
    to.gauge("weir_capacity_tokens_per_second",
             "What a model's capacity learned from its steps, by phase.",
             {{"model", model}, {"phase", phase}}, tokens_per_s);
  };
  speed("prefill", capacity.pace.prefill_tokens_per_s);
  speed("decode", capacity.pace.decode_tokens_per_s);
  to.gauge("weir_capacity_first_token_p99_seconds",
           "99th percentile of the time to first token, of the last 30 s.", of,
           capacity.pace.first_token_p99_s);
  to.gauge("weir_capacity_first_token_target_seconds",
           "The time to first token that a model's capacity keeps.", of,
           Seconds(capacity.rule.first_token_p99).count());
  to.gauge("weir_capacity_backlog_seconds", "Predicted time to first token of who would come last.",
           of, capacity.pace.backlog_s);
  to.gauge("weir_capacity_caution", "Predictions count for so many times as long.", of,
           capacity.caution);
}

}  // namespace weir::traffic
