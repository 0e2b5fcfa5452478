#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "weir/work/outlook.h"

namespace weir::work {

/// Counts who waits and who runs, by priority class and by client: what bounds, shedding and
/// forecasts need. Constant time for each request's coming and going. Not thread-safe.
class Census {
 public:
  struct Amount {
    size_t requests = 0, tokens = 0;
  };

  void arrive(const std::string& client, int priority, size_t tokens);
  void leave(const std::string& client, int priority, size_t tokens);  // waits no longer
  void run(const std::string& client);
  void stop(const std::string& client);
  void clear();

  Amount waiting() const { return all_; }
  Amount waiting_below(int priority) const;
  /// Before a request that `client` would send now, if clients take turns. Time grows with the
  /// client's own line only.
  Ahead ahead(const std::string& client, int priority) const;

 private:
  static constexpr size_t kClasses = 10;
  struct Client {
    std::array<uint32_t, kClasses> waiting{};
    uint32_t requests = 0;  // that wait or run
    uint32_t running = 0;
  };
  struct Class {
    Amount amount;
    std::vector<uint32_t> lines;  // [i]: clients with more than i requests in their line
  };

  static size_t class_of(int priority);
  void forget_if_idle(const std::string& client);

  Amount all_;
  std::array<Class, kClasses> classes_;
  std::unordered_map<std::string, Client> clients_;
};

}  // namespace weir::work
