#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "weir/base/metrics.h"
#include "weir/serve/service.h"

/// What clients and the daemon say to each other, without the wire: JSON, the table of routes, the
/// shape of streams. `http` brings calls and writes what is said; nothing here knows a socket.
///
/// A dialect is a folder of src/api (its codecs, texts and handlers) and its lines in the table of
/// routes (src/api/routes.cpp): every difference between two dialects is behind Route.handle or a
/// value of Dialect.
namespace weir::api {

class IgnoredFields;
class Documents;

struct ApiOptions {
  std::string version;
  std::chrono::milliseconds ping{15000};  // a stream that says nothing for so long sends a comment
  int overload_status = 503;  // of what is refused because too much waits; gateways may want 429
  bool refuse_unknown_fields = false;  // of bodies; else they are ignored and told
};

/// What all calls share. Thread-safe.
class Api {
 public:
  /// `of` and `registry` outlive it.
  Api(ApiOptions given, serve::Service& of, Registry& registry);
  ~Api();

  /// 24 hexadecimal digits: unique in this process and, by a random start, very likely beyond.
  std::string new_id();

  const ApiOptions options;
  serve::Service& service;
  Registry& metrics;
  const std::unique_ptr<IgnoredFields> ignored_fields;
  const std::unique_ptr<Documents> documents;
  std::atomic<bool> drains = false;  // GET /ready says so
  std::atomic<bool> stops = false;   // streams end, with an error

 private:
  const uint64_t seed_;
  std::atomic<uint64_t> ids_ = 0;
};

}  // namespace weir::api
