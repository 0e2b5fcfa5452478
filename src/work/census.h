#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "weir/base/service_order.h"
#include "weir/work/outlook.h"

namespace weir::work {

/// Counts the requests that wait and those that run, by level and by client: what bounds, shedding
/// and forecasts need. A request's coming or going takes constant time. Not thread-safe.
class Census {
 public:
  struct Amount {
    size_t requests = 0, tokens = 0;
  };

  /// A request begins to wait. `charge` is what service of one request adds to what its client was
  /// served; while anything of the client waits or runs, its first charge holds.
  void arrive(const std::string& client, uint32_t level, double charge, size_t tokens);
  void leave(const std::string& client, uint32_t level, size_t tokens);  // waits no longer
  void run(const std::string& client);
  void stop(const std::string& client);
  void clear();

  Amount waiting() const { return all_; }
  Amount waiting_below(uint32_t level) const;
  /// What would be served before a request that `client` sent now, if all requests cost the same.
  /// With a charge the time grows with the client's own line only; without one, with the longest.
  Ahead ahead(const std::string& client, uint32_t level, double charge) const;

 private:
  static constexpr size_t kLevels = ServiceOrder::kLevels;
  struct Client {
    std::array<uint32_t, kLevels> waiting{};
    uint32_t requests = 0;  // that wait or run
    uint32_t running = 0;
    double charge = 0;
  };
  /// The clients of a level that have the same charge.
  struct Group {
    double charge = 0;
    std::vector<uint32_t> lines;  // [i]: clients with more than i requests in their line

    bool empty() const { return lines.empty() || lines[0] == 0; }
  };
  struct Level {
    Amount amount;
    std::vector<Group> groups;  // few: clients have few weights
  };

  static Group& group_of(Level& level, double charge);
  void forget_if_idle(const std::string& client);

  Amount all_;
  std::array<Level, kLevels> levels_;
  std::unordered_map<std::string, Client> clients_;
};

}  // namespace weir::work
