#pragma once

#include <atomic>
#include <utility>

namespace weir {

/// A value that becomes known later, once. Thread-safe.
template <class T>
class Later {
 public:
  Later() = default;
  /// Known from the beginning.
  explicit Later(T value) { set(std::move(value)); }

  /// REQUIRES: called at most once.
  void set(T value) {
    value_ = std::move(value);
    known_.store(true, std::memory_order_release);
  }
  /// Null: not known yet. Else the value, which never changes again.
  const T* get() const { return known_.load(std::memory_order_acquire) ? &value_ : nullptr; }

 private:
  T value_{};
  std::atomic<bool> known_ = false;
};

}  // namespace weir
