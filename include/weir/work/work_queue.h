#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "weir/base/doorbell.h"
#include "weir/base/result.h"
#include "weir/base/service_order.h"
#include "weir/work/outlook.h"
#include "weir/work/request.h"

namespace weir::work {

class Census;

/// The requests of one model between admission and the step thread, and what that thread says of
/// its pace. Thread-safe.
///
/// The bound counts the requests, and their tokens, that have not started: those here and those
/// that the step thread took. Everywhere here a request's prompt tokens are its input_tokens(). A
/// full queue lets a request in if as much waits on lower levels, and the step thread sheds as
/// much: the lowest level first, the newest request first. Otherwise the request is refused.
class WorkQueue {
 public:
  struct Limits {
    size_t requests = 1024;
    size_t tokens = size_t{1} << 22;
  };
  /// A client and its standing in the order of service.
  struct Asker {
    const std::string& client;
    int priority = 5;
    double weight = 1;
  };
  /// Of a request, once its prompt is elsewhere.
  struct Facts {
    const std::string& client;
    uint32_t level;
    size_t prompt_tokens;
  };

  /// `bell` is rung at each push; several queues share the bell of their step thread. `order`
  /// outlives the queue.
  WorkQueue(Limits limits, std::shared_ptr<Doorbell> bell,
            const ServiceOrder& order = fair_order());
  ~WorkQueue();

  /// All of `requests` or none. Errors: overloaded (full; with the place and the wait they would
  /// have had), unavailable (closed), invalid_argument (more than an empty queue would hold). On an
  /// error nothing was taken from `requests`.
  Result<void> push(std::vector<Request>& requests);

  /// Whether push() would take so many requests, however short: asked before work is done for them.
  /// Errors: overloaded and invalid_argument, as push().
  Result<void> room_for(const Asker& asker, size_t requests) const;

  size_t waiting() const;  // that have not started, here and at the step thread
  void close();            // no more pushes

  /// Where a request pushed now would stand, and when it would begin, if no other came. Cheap.
  QueueForecast forecast(const Asker& asker, size_t prompt_tokens) const;
  /// The same of a request that waits here already, as `requests` of so many tokens together. Those
  /// that came after it are counted as before it.
  QueueForecast forecast_waiting(const Asker& asker, size_t prompt_tokens, size_t requests) const;
  /// Of a request that would be served after all that wait.
  QueueForecast forecast_last() const;
  Outlook outlook() const;
  /// The order in which the scheduler serves what waits here; the forecasts follow it.
  const ServiceOrder& order() const { return order_; }

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
  /// Whether so many requests, with so many tokens together, fit; `lowest` asks for the lowest.
  Result<void> check_room(const Asker& lowest, size_t requests, size_t tokens) const;
  Ahead ahead(const Asker& asker) const;
  QueueForecast forecast_locked(const Asker& asker, size_t tokens) const;
  void count(const Request& request);

  const Limits limits_;
  const std::shared_ptr<Doorbell> bell_;
  const ServiceOrder& order_;
  mutable std::mutex mutex_;
  std::deque<Request> requests_;
  const std::unique_ptr<Census> census_;  // of those here and those taken
  Outlook outlook_;
  bool closed_ = false;
};

}  // namespace weir::work
