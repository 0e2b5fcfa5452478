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

/// One request to a route. Outlives the Body that it is answered with. Used by one thread at a
/// time.
struct Call {
  std::string tail;                               // what stands where the route's path has {id}
  std::multimap<std::string, std::string> query;  // what stands behind the path's "?"
  std::string host, accept;                       // the headers
  std::string body;
  serve::Caller caller;
  bool dry_run = false;       // say what would happen, and do nothing
  bool tell_waiting = false;  // tell a stream that waits where it stands

  // Filled by the route.
  bool asked = false;          // the service was, and writes the request's line
  std::string ignored_fields;  // of the body, as take_told_headers() names them; empty: none
};

/// The body of an answer that is made while it is sent. Used by one thread at a time.
class Body {
 public:
  struct Piece {
    std::string text;     // empty: there is nothing to say at the moment
    bool last = false;    // the body ends behind `text`
    std::string failure;  // why it ends early, as `text` says in its dialect; for the log
  };

  virtual ~Body() = default;  // ends what still makes it
  /// What there is to say, after `limit` at most.
  virtual Piece next(std::chrono::milliseconds limit) = 0;
  /// When next() will have something to say, where no thread has to sit in it until then; `until`
  /// is set. Unset: only next() learns of it. REQUIRES: next() was called.
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
