#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <vector>

#include "weir/schedule/sequence.h"

namespace weir::schedule {

/// Owns the sequences that wait, in no order: the policy has that. Coming, going, and who is
/// overdue or is shed first take O(log waiting). Step thread only.
class WaitingRoom {
 public:
  void add(std::unique_ptr<Sequence> sequence);
  std::unique_ptr<Sequence> take(Sequence& sequence);

  bool empty() const { return all_.empty(); }
  size_t size() const { return all_.size(); }

  /// One that has not started and whose deadline is before `now`; or null.
  Sequence* overdue(TimePoint now) const;
  /// Of those that have not started the lowest class's latest; null if all have.
  Sequence* first_to_shed() const;
  /// Goes round all of them, one a call. REQUIRES: !empty()
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
