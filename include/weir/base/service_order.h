#pragma once

#include <cstdint>

namespace weir {

/// Where a request stands among those that wait: the higher level first; in a level the client that
/// was served least; of equals the request that came first. A strict order of requests whose
/// `arrival` differs.
struct Turn {
  uint32_t level = 0;
  double served = 0;     // what the request's client was served, in ServiceOrder::charge
  uint64_t arrival = 0;  // the number of the request, in order of arrival

  bool before(const Turn& other) const {
    if (level != other.level) return level > other.level;
    if (served != other.served) return served < other.served;
    return arrival < other.arrival;
  }
};

/// Which request is served before which. The scheduler's policy, the forecasts of the work queue
/// and the line before the gate make their Turns from one object of this type and keep no order of
/// their own. Immutable, so any thread may ask it. It outlives whatever asks it.
class ServiceOrder {
 public:
  static constexpr uint32_t kLevels = 10;

  virtual ~ServiceOrder() = default;
  /// The level of a request; below kLevels.
  virtual uint32_t level(int priority, double weight) const = 0;
  /// What service of `cost` adds to Turn::served of a client with this weight; proportional to the
  /// cost. Always 0: the order knows no clients, and the requests of a level go by age alone.
  virtual double charge(double cost, double weight) const = 0;
};

/// The order of the daemon: the level is the priority (0 to 9), and a charge is the cost divided by
/// the weight.
const ServiceOrder& fair_order();

}  // namespace weir
