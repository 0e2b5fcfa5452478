#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "weir/base/doorbell.h"
#include "weir/base/result.h"
#include "weir/work/outlook.h"
#include "weir/work/request.h"

namespace weir::work {

class Census;

/// What waits between admission and the step thread of one model, and what that thread tells of how
/// it goes. Thread-safe.
///
/// Bounded by count and by tokens of all that has not started, on both sides. When it is full a
/// request of a class above others' is let in, and the step thread sheds as much from below: lowest
/// class first, newest first. A request that no class is below is refused.
class WorkQueue {
 public:
  struct Limits {
    size_t requests = 1024;
    size_t tokens = size_t{1} << 22;
  };
  /// Of a request, once its prompt is elsewhere.
  struct Facts {
    const std::string& client;
    int priority;
    size_t prompt_tokens;
  };

  /// `bell` is rung at each push; several queues share the bell of their step thread.
  WorkQueue(Limits limits, std::shared_ptr<Doorbell> bell);
  ~WorkQueue();

  /// All of `requests` or none. Errors: overloaded (full; with the place and the wait they would
  /// have had), unavailable (closed), invalid_argument (more than an empty queue would hold). On an
  /// error nothing was taken from `requests`.
  Result<void> push(std::vector<Request>& requests);

  /// Whether push() would take so many requests, however short: asked before work is done for them.
  /// Errors: overloaded and invalid_argument, as push().
  Result<void> room_for(const std::string& client, int priority, size_t requests) const;

  size_t waiting() const;  // that have not started, here and at the step thread
  void close();            // no more pushes

  /// Where a request pushed now would stand, and when it would begin, as things are. Cheap.
  QueueForecast forecast(const std::string& client, int priority, size_t prompt_tokens) const;
  /// The same of one that waits here already, as `requests` of so many tokens together: those that
  /// came after it are taken to be before it.
  QueueForecast forecast_waiting(const std::string& client, int priority, size_t prompt_tokens,
                                 size_t requests) const;
  /// Of a request that would be served after all that wait.
  QueueForecast forecast_last() const;
  Outlook outlook() const;

  // For the step thread.

  /// Everything that waits here, in order; it counts as waiting until started() or dropped().
  std::vector<Request> take_all();
  void started(const Facts& request);
  void dropped(const Facts& request);     // answered without having started
  void ended(const std::string& client);  // after started()
  void release_all();                     // nothing of what was taken is held any more
  struct Excess {
    size_t requests = 0, tokens = 0;
  };
  Excess excess() const;  // what waits above the limits: to be shed
  void set_outlook(Outlook outlook);

 private:
  Result<void> check_count(size_t requests) const;
  /// Of so many requests, the lowest of them with such facts, with so many tokens together.
  Result<void> check_room(const Facts& facts, size_t requests) const;
  QueueForecast forecast_locked(const std::string& client, int priority, size_t tokens) const;

  const Limits limits_;
  const std::shared_ptr<Doorbell> bell_;
  mutable std::mutex mutex_;
  std::deque<Request> requests_;
  const std::unique_ptr<Census> census_;  // of those here and those taken
  Outlook outlook_;
  bool closed_ = false;
};

}  // namespace weir::work
