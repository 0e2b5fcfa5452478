#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "traffic/line.h"
#include "weir/traffic/gate.h"

namespace weir::traffic {

/// The buckets of a request. They are found once for each key and model, and again when a quota's
/// period ends. A quota's bucket begins with what was used before. Thread-safe.
class CellBook {
 public:
  CellBook(Limiter& limiter, const Clock& clock, GateOptions options);

  void set_rules(Rules rules);
  void set_history(std::function<Cost(const QuotaQuery&)> history);
  double cached_weight() const;
  Cells of(const std::shared_ptr<const Key>& key, const std::string& model);

 private:
  struct Set {
    std::shared_ptr<std::vector<Cell>> cells;
    TimePoint until = TimePoint::max();  // valid until then
  };
  struct KeySets {
    std::shared_ptr<const Key> key;  // held, so that no other key gets its address
    std::unordered_map<std::string, Set> by_model;
  };
  struct Owner;
  struct Period;

  Set make(const Key& key, const std::string& model, const Rules& rules);
  void add(Set& set, const Owner& owner, const std::vector<Limit>& limits);
  void open_quota(const Cell& cell, const Owner& owner, const Period& period);

  Limiter& limiter_;
  const Clock& clock_;
  const GateOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Rules> rules_ = std::make_shared<const Rules>();
  std::unordered_map<const Key*, KeySets> sets_;

  std::mutex history_mutex_;  // held while the history is read, which may take a while
  std::function<Cost(const QuotaQuery&)> history_;
  std::map<std::string, TimePoint> opened_;  // the quotas' buckets, and the ends of their periods
};

}  // namespace weir::traffic
