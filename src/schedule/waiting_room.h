#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <vector>

#include "weir/schedule/sequence.h"

namespace weir::schedule {

/// Owns the sequences that wait. It keeps no order of service: the policy does. Adding, taking, and
/// finding what is overdue or shed first take O(log waiting). Step thread only.
class WaitingRoom {
 public:
  void add(std::unique_ptr<Sequence> sequence);
  std::unique_ptr<Sequence> take(Sequence& sequence);

  bool empty() const { return all_.empty(); }
  size_t size() const { return all_.size(); }

  /// One that has not started and whose deadline is before `now`; or null.
  Sequence* overdue(TimePoint now) const;
  /// Of the sequences that have not started, the newest of the lowest level; null if all have.
  Sequence* first_to_shed() const;
  /// Another sequence at each call, in a round of all. REQUIRES: !empty()
  Sequence& look();

 private:
  struct ByDeadline {
    bool operator()(const Sequence* a, const Sequence* b) const;
  };
  struct ByWorth {
    bool operator()(const Sequence* a, const Sequence* b) const;
  };

  std::vector<std::unique_ptr<Sequence>> all_;  // each knows its place
  std::set<Sequence*, ByDeadline> deadlines_;
  std::set<Sequence*, ByWorth> unstarted_;
  size_t looked_ = 0;
};

}  // namespace weir::schedule
