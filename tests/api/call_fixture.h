#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "fakes/events.h"
#include "fakes/fake_service.h"
#include "weir/api/route.h"
#include "weir/base/metrics.h"

namespace weir::api {

using fakes::events;

inline const std::string kChat = R"({"model":"tiny","messages":[{"role":"user","content":"hi"}]})";

struct Told {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string type, body;
  nlohmann::json json() const { return nlohmann::json::parse(body); }
};

/// Calls to routes before a fake service, without a wire.
class CallTest : public testing::Test {
 protected:
  Told ask(std::string_view method, std::string_view path, Call call) {
    if (!call.caller.gone) call.caller.gone = [] { return false; };
    for (const Route& route : routes()) {
      const size_t hole = std::min(route.path.find("{id}"), route.path.size());
      const bool by_id = hole < route.path.size() && path.size() > hole;
      if (route.method != method || path.substr(0, hole) != route.path.substr(0, hole)) continue;
      if (!by_id && path != route.path) continue;
      if (by_id) call.tail = path.substr(hole);
      auto said = answer(route, call, api);
      return told(said ? *std::move(said) : answer_error(said.error(), &route, api), call);
    }
    ADD_FAILURE() << "no route " << path;
    return {};
  }
  Told post(std::string_view path, std::string body) {
    return ask("POST", path, {.body = std::move(body)});
  }
  Told get(std::string_view path) { return ask("GET", path, {}); }

  fakes::FakeService service;
  Registry metrics;
  Api api{{.version = "1.2.3"}, service, metrics};

 private:
  static Told told(Said said, Call& call) {
    Told told{.status = said.status, .type = said.type};
    for (const auto& [name, value] : said.headers) told.headers[name] = value;
    for (const auto& [name, value] : take_told_headers(call)) told.headers[name] = value;
    if (auto* text = std::get_if<std::string>(&said.body)) {
      told.body = std::move(*text);
      return told;
    }
    for (auto& body = std::get<std::unique_ptr<Body>>(said.body);;) {
      Body::Piece piece = body->next(std::chrono::milliseconds(100));
      told.body += piece.text;
      if (piece.last) return told;
    }
  }
};

}  // namespace weir::api
