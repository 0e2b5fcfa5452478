#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/serve/answer.h"

namespace weir::serve {

/// The line of the log about one request. Whoever knows of the request holds it and fills in what
/// is known; the destructor writes it. So the line of a client that left has what its work cost,
/// even where that work went on for other clients.
///
/// `wire` and `work` may be filled by two threads at once; each is used by one thread at a time.
struct RequestLine {
  /// What is known of the request and its answer as a message.
  struct Wire {
    std::string method, path;  // the path without its query; as the client sent it
    std::string id, peer, key;
    int status = 0;
    std::chrono::duration<double, std::milli> took{0};
    std::optional<Code> refusal;
    std::string failure;  // why there is no whole answer; no text of the client
    bool quiet = false;   // a probe's: written on the level debug
  };
  /// What is known of the request's work. Without a model it had none.
  struct Work {
    std::string model;
    std::string_view task;  // its name, a literal
    size_t rows = 0;
    Usage usage;
    std::chrono::milliseconds waited{0};  // at the gate
    std::string_view finish;              // a literal; empty: it was not begun
    std::optional<Code> refusal;          // why it was not begun
    std::string_view response_cache;      // how the cache served it, a literal
  };

  RequestLine() = default;
  ~RequestLine();
  RequestLine(const RequestLine&) = delete;
  RequestLine& operator=(const RequestLine&) = delete;

  Wire wire;
  Work work;
};

}  // namespace weir::serve
