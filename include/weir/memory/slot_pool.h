#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "weir/base/result.h"

namespace weir::memory {

using SlotId = int32_t;
class SlotPool;

/// The right to one slot. Gives it back when it dies. Move-only.
class SlotLease {
 public:
  SlotLease() = default;
  SlotLease(SlotLease&& other) noexcept;
  SlotLease& operator=(SlotLease&& other) noexcept;
  ~SlotLease() { drop(); }

  SlotId id() const { return id_; }  // -1: none
  void drop();

 private:
  friend class SlotPool;
  SlotLease(SlotPool& pool, SlotId id) : pool_(&pool), id_(id) {}
  SlotPool* pool_ = nullptr;
  SlotId id_ = -1;
};

/// Places for a fixed-size state, one per sequence. Not thread-safe. Outlives its leases.
class SlotPool {
 public:
  explicit SlotPool(uint32_t slots);
  SlotPool(const SlotPool&) = delete;
  SlotPool& operator=(const SlotPool&) = delete;

  uint32_t size() const { return static_cast<uint32_t>(taken_.size()); }
  uint32_t available() const { return static_cast<uint32_t>(free_.size()); }
  std::optional<SlotLease> take();  // none: all are taken
  Result<void> audit() const;

 private:
  friend class SlotLease;
  void give_back(SlotId slot);
  std::vector<bool> taken_;
  std::vector<SlotId> free_;
};

}  // namespace weir::memory
