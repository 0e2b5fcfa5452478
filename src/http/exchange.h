#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "http/ignored_fields.h"
#include "weir/base/metrics.h"
#include "weir/serve/service.h"

namespace httplib {
struct Request;
struct Response;
}  // namespace httplib

namespace weir::http {

class EventStream;
struct Route;

/// What all requests share.
struct Daemon {
  serve::Service& service;
  Registry& metrics;
  std::string version;
  std::chrono::milliseconds ping;
  int overload_status;
  UnknownFields::Rule unknown_fields;
  IgnoredFields ignored_fields{metrics};
  std::atomic<bool> drain_announced = false, draining = false, stopping = false;
  std::atomic<size_t> in_flight = 0;
  std::function<std::string()> new_id;  // unique; hexadecimal
};

/// One request and its answer on their way through a route. Used by one thread at a time; lives
/// until the answer was written.
struct Exchange {
  Exchange(Daemon& daemon, int socket);
  ~Exchange();

  Daemon& daemon;
  int socket;
  const Route* route = nullptr;
  std::string path_tail;  // what stands where the route has {id}
  std::string body, peer;
  std::multimap<std::string, std::string> query;  // what stands behind the path's "?"
  std::string accept;
  serve::Caller caller;
  bool dry_run = false;        // say what would happen, and do nothing
  bool notes = false;          // tell a stream that waits where it stands
  std::string ignored_fields;  // of the body, as the answer's header names them; empty: none
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  bool http_1_0 = false;  // knows no chunks
  bool counted = false;   // in daemon.in_flight
  /// The body, if it is written piece by piece once the library has written the head.
  std::unique_ptr<EventStream> events;
  bool head_written = false;  // of an answer with events

  // For metrics and the log.
  bool asked = false;  // the service was, and writes the request's line
  int status = 0;
  std::string failure;
  bool client_left = false;  // nobody is there to read an answer

  bool gone() const;
};

}  // namespace weir::http
