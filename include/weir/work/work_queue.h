#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "weir/base/doorbell.h"
#include "weir/base/result.h"
#include "weir/work/request.h"

namespace weir::work {

/// What waits between admission and the step thread of one model, bounded by count and by tokens.
/// Thread-safe.
class WorkQueue {
 public:
  struct Limits {
    size_t requests = 1024;
    size_t tokens = size_t{1} << 22;
  };

  /// `bell` is rung at each push; several queues share the bell of their step thread.
  WorkQueue(Limits limits, std::shared_ptr<Doorbell> bell);

  /// All of `requests` or none. Errors: overloaded (full), unavailable (closed), invalid_argument
  /// (more than an empty queue would hold). On an error nothing was taken from `requests`.
  Result<void> push(std::vector<Request>& requests);

  /// Everything that waits, in order; counted as held until the next set_held(). Called by the step
  /// thread.
  std::vector<Request> take_all();

  /// The step thread tells how many requests (and prompt tokens) it holds that have not started, so
  /// that the bound covers both sides.
  void set_held(size_t requests, size_t tokens);

  size_t waiting() const;  // here and held
  void close();            // no more pushes

 private:
  const Limits limits_;
  const std::shared_ptr<Doorbell> bell_;
  mutable std::mutex mutex_;
  std::deque<Request> requests_;
  size_t tokens_ = 0, held_requests_ = 0, held_tokens_ = 0;
  bool closed_ = false;
};

}  // namespace weir::work
