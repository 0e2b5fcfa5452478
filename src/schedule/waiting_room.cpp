#include "schedule/waiting_room.h"

#include <utility>

#include "weir/base/service_order.h"

namespace weir::schedule {

bool WaitingRoom::ByDeadline::operator()(const Sequence* a, const Sequence* b) const {
  const TimePoint first = *a->request.deadline, second = *b->request.deadline;
  return first != second ? first < second : a->id < b->id;
}

bool WaitingRoom::ByWorth::operator()(const Sequence* a, const Sequence* b) const {
  const auto turn = [](const Sequence& sequence) {
    return Turn{.level = sequence.request.level, .arrival = sequence.id};
  };
  return turn(*b).before(turn(*a));
}

void WaitingRoom::add(std::unique_ptr<Sequence> sequence) {
  sequence->place = all_.size();
  if (!sequence->started()) {
    unstarted_.insert(sequence.get());
    if (sequence->request.deadline) deadlines_.insert(sequence.get());
  }
  all_.push_back(std::move(sequence));
}

std::unique_ptr<Sequence> WaitingRoom::take(Sequence& sequence) {
  unstarted_.erase(&sequence);
  if (sequence.request.deadline) deadlines_.erase(&sequence);
  const size_t place = sequence.place;
  auto taken = std::move(all_[place]);
  if (place + 1 < all_.size()) {
    all_[place] = std::move(all_.back());
    all_[place]->place = place;
  }
  all_.pop_back();
  if (place + 1 == looked_) --looked_;  // another stands there now
  return taken;
}

Sequence* WaitingRoom::overdue(TimePoint now) const {
  if (deadlines_.empty() || *(*deadlines_.begin())->request.deadline >= now) return nullptr;
  return *deadlines_.begin();
}

Sequence* WaitingRoom::first_to_shed() const {
  return unstarted_.empty() ? nullptr : *unstarted_.begin();
}

Sequence& WaitingRoom::look() {
  if (looked_ >= all_.size()) looked_ = 0;
  return *all_[looked_++];
}

}  // namespace weir::schedule
