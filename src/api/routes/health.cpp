#include "api/answer/answer.h"
#include "api/json_text.h"
#include "api/routes/handlers.h"

namespace weir::api {
namespace {

void append_state(std::string& out, const serve::ModelState& model) {
  const Progress::State& state = model.progress;
  out += R"({"name":)";
  append_json(out, model.name);
  out += R"(,"phase":)";
  append_json(out, state.phase);
  out += R"(,"percent":)";
  append_json(out, static_cast<int64_t>(state.percent));
  out += R"(,"estimated_seconds":)";
  state.left ? append_json(out, int64_t{state.left->count()}) : out += "null";
  if (!model.failure.empty()) {
    out += R"(,"reason":)";
    append_json(out, model.failure);
  }
  out += '}';
}

}  // namespace

Result<Said> get_health(Call&, Api& api) {
  bool alive = api.service.readiness().alive;
  Said said = answer_json(alive ? R"({"status":"ok"})" : R"({"status":"stalled"})");
  if (!alive) said.status = 503;
  return said;
}

Result<Said> get_ready(Call&, Api& api) {
  auto readiness = api.service.readiness();
  bool draining = readiness.draining || api.drains;
  bool ready = readiness.ready && readiness.alive && !draining;
  std::string out = R"({"status":)";
  append_json(out, ready             ? "ready"
                   : draining        ? "draining"
                   : readiness.alive ? "loading"
                                     : "stalled");
  out += R"(,"models":[)";
  for (size_t i = 0; i < readiness.models.size(); ++i) {
    if (i > 0) out += ',';
    append_state(out, readiness.models[i]);
  }
  Said said = answer_json(out += "]}");
  if (ready) return said;
  said.status = 503;
  said.headers.emplace_back("Retry-After", "5");
  return said;
}

Result<Said> get_metrics(Call&, Api& api) {
  return Said{.type = "text/plain; version=0.0.4; charset=utf-8", .body = api.metrics.text()};
}

Result<Said> get_version(Call&, Api& api) {
  std::string out = R"({"version":)";
  append_json(out, api.options.version);
  return answer_json(out += '}');
}

}  // namespace weir::api
