#include "weir/memory/slot_pool.h"

#include <algorithm>
#include <string>
#include <utility>

namespace weir::memory {

SlotLease::SlotLease(SlotLease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), id_(std::exchange(other.id_, -1)) {}

SlotLease& SlotLease::operator=(SlotLease&& other) noexcept {
  if (this != &other) {
    drop();
    pool_ = std::exchange(other.pool_, nullptr);
    id_ = std::exchange(other.id_, -1);
  }
  return *this;
}

void SlotLease::drop() {
  if (id_ >= 0) pool_->give_back(std::exchange(id_, -1));
}

SlotPool::SlotPool(uint32_t slots) : taken_(slots) {
  free_.reserve(slots);
  for (uint32_t i = slots; i-- > 0;) free_.push_back(static_cast<SlotId>(i));
}

std::optional<SlotLease> SlotPool::take() {
  if (free_.empty()) return std::nullopt;
  const SlotId slot = free_.back();
  free_.pop_back();
  taken_[static_cast<size_t>(slot)] = true;
  return SlotLease(*this, slot);
}

void SlotPool::give_back(SlotId slot) {
  taken_[static_cast<size_t>(slot)] = false;
  free_.push_back(slot);
}

Result<void> SlotPool::audit() const {
  auto wrong = [](SlotId slot) {
    return Error{.code = Code::internal,
                 .message = "slot " + std::to_string(slot) + " is free twice, or free and taken"};
  };
  std::vector<bool> seen(taken_);
  for (SlotId slot : free_) {
    if (seen[static_cast<size_t>(slot)]) return wrong(slot);
    seen[static_cast<size_t>(slot)] = true;
  }
  const auto lost = std::find(seen.begin(), seen.end(), false);
  if (lost != seen.end())
    return Error{.code = Code::internal,
                 .message = "slot " + std::to_string(lost - seen.begin()) + " is lost"};
  return {};
}

}  // namespace weir::memory
