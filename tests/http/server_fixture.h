#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "fakes/fake_service.h"
#include "http/raw_client.h"
#include "weir/base/metrics.h"
#include "weir/http/server.h"

namespace weir::http {

inline const std::string kChat = R"({"model":"tiny","messages":[{"role":"user","content":"hi"}]})";
inline const std::string kChatStream =
    R"({"model":"tiny","stream":true,"messages":[{"role":"user","content":"hi"}]})";

/// A server on a free port before a fake service. Set `options` and `service` before start().
class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    options.port = 0;
    options.version = "1.2.3";
  }

  void start() {
    auto started = Server::start(options, service, metrics);
    ASSERT_TRUE(started) << started.error().message;
    server = *std::move(started);
  }
  RawClient client() { return RawClient(server->port()); }
  RawAnswer ask(const std::string& request) {
    RawClient c = client();
    c.send(request);
    return c.answer();
  }

  /// Whether `condition` comes true. How soon is not tested: a machine may be busy.
  template <class Condition>
  static bool soon(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  ServerOptions options;
  fakes::FakeService service;
  Registry metrics;
  std::unique_ptr<Server> server;
};

}  // namespace weir::http
