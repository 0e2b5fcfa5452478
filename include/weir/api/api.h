#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "weir/base/metrics.h"
#include "weir/serve/service.h"

/// What clients and the daemon say to each other: JSON, the table of routes, the shape of streams.
/// `http` brings calls and writes the answers. Nothing here knows a socket.
///
/// A dialect is a folder of src/api (its codecs, texts and handlers) and lines in the table of
/// routes (src/api/routes.cpp). Two dialects differ only in what Route.handle does and in the
/// values of Dialect.
namespace weir::api {

class IgnoredFields;
class Documents;

struct ApiOptions {
  std::string version;
  std::chrono::milliseconds ping{15000};  // a stream without an event for so long sends a comment
  int overload_status = 503;              // the status if too much waits; some gateways want 429
  bool refuse_unknown_fields = false;     // in bodies; false: ignored, and the answer names them
};

/// What all calls share. Thread-safe.
class Api {
 public:
  /// `of` and `registry` outlive it.
  Api(ApiOptions given, serve::Service& of, Registry& registry);
  ~Api();

  /// 24 hexadecimal digits. They are unique in this process. They start at random, so two processes
  /// very likely give different ones.
  std::string new_id();

  const ApiOptions options;
  serve::Service& service;
  Registry& metrics;
  const std::unique_ptr<IgnoredFields> ignored_fields;
  const std::unique_ptr<Documents> documents;
  std::atomic<bool> drains = false;  // then GET /ready says so
  std::atomic<bool> stops = false;   // then streams end with an error

 private:
  const uint64_t seed_;
  std::atomic<uint64_t> ids_ = 0;
};

}  // namespace weir::api
