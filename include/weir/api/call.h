#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "weir/base/result.h"
#include "weir/serve/service.h"

namespace weir::api {

/// One request to a route. Outlives the Body of its answer. Used by one thread at a time.
struct Call {
  std::string tail;                               // the part of the path at the route's {id}
  std::multimap<std::string, std::string> query;  // the parameters after the path's "?"
  std::string host, accept;                       // headers
  std::string body;
  serve::Caller caller;
  bool dry_run = false;       // say what would happen, and do nothing
  bool tell_waiting = false;  // a stream that waits tells its client its place

  // Filled by the route.
  std::string ignored_fields;  // of the body, in the header's form; empty: none
};

/// The body of an answer that is made while it is sent. Used by one thread at a time.
class Body {
 public:
  struct Piece {
    std::string text;     // empty: there is nothing to say yet
    bool last = false;    // the body ends after `text`
    std::string failure;  // why the body ends early, for the log; `text` tells the client
  };

  virtual ~Body() = default;  // cancels what still makes it
  /// The next piece. Waits at most `limit` for it.
  virtual Piece next(std::chrono::milliseconds limit) = 0;
  /// When to call next() again; `until` is set. So no thread has to wait in next(). Unset: a thread
  /// has to wait in next(). REQUIRES: next() was called.
  virtual std::optional<serve::Wake> wake() const = 0;
};

using HeaderLines = std::vector<std::pair<std::string, std::string>>;  // name, value

/// An answer. `type`: its Content-Type.
struct Said {
  int status = 200;
  HeaderLines headers = {};
  std::string type = "application/json";
  std::variant<std::string, std::unique_ptr<Body>> body;
};

}  // namespace weir::api
