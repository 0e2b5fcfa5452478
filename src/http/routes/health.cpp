#include <httplib.h>

#include "http/answer/answer.h"
#include "http/json_text.h"
#include "http/route.h"

namespace weir::http {
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

Result<void> get_health(Exchange& exchange, httplib::Response& response) {
  bool alive = exchange.daemon.service.readiness().alive;
  answer_json(response, alive ? R"({"status":"ok"})" : R"({"status":"stalled"})");
  if (!alive) response.status = 503;
  return {};
}

Result<void> get_ready(Exchange& exchange, httplib::Response& response) {
  auto readiness = exchange.daemon.service.readiness();
  const Daemon& daemon = exchange.daemon;
  bool draining = readiness.draining || daemon.draining || daemon.drain_announced;
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
  answer_json(response, out += "]}");
  if (ready) return {};
  response.status = 503;
  response.set_header("Retry-After", "5");
  return {};
}

Result<void> get_metrics(Exchange& exchange, httplib::Response& response) {
  response.status = 200;
  response.set_content(exchange.daemon.metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
  return {};
}

Result<void> get_version(Exchange& exchange, httplib::Response& response) {
  std::string out = R"({"version":)";
  append_json(out, exchange.daemon.version);
  answer_json(response, out += '}');
  return {};
}

}  // namespace weir::http
