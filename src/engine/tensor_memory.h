#pragma once

#include <c10/core/Allocator.h>

#include <cstddef>
#include <list>
#include <map>
#include <mutex>

namespace weir::engine {

/// Memory of tensors on the CPU. Large blocks are mapped, and kept when they are freed: a step
/// wants what the last one had, without a system call or a page fault, and malloc's arenas are no
/// place for them, since a small allocation behind a large one keeps its pages for ever.
/// Thread-safe.
class TensorMemory final : public c10::Allocator {
 public:
  /// Free blocks are kept for so many steps, and up to so many bytes together; the longest unused
  /// go first.
  explicit TensorMemory(size_t most_kept = size_t{128} << 20, uint64_t most_steps = 16)
      : most_kept_(most_kept), most_steps_(most_steps) {}
  ~TensorMemory() override;

  c10::DataPtr allocate(size_t bytes) override;
  void copy_data(void* to, const void* from, size_t bytes) const override;
  void next_step();
  void give_back();     // all free blocks
  size_t kept() const;  // bytes of free blocks

 private:
  struct Block {
    TensorMemory* memory;
    void* data;
    size_t bytes;
    uint64_t freed = 0;  // the step
  };
  using Free = std::list<Block*>;  // in the order they were freed

  static void release(void* block);
  void keep(Block* block);
  void take_oldest(Free& old);  // REQUIRES: the mutex is held
  Block* reuse(size_t bytes);
  static Block* map(TensorMemory* memory, size_t bytes);
  static void unmap(Block* block);

  const size_t most_kept_;
  const uint64_t most_steps_;
  mutable std::mutex mutex_;
  Free free_;
  std::multimap<size_t, Free::iterator> by_size_;
  size_t kept_ = 0;
  uint64_t step_ = 0;
};

/// From now on ATen takes its tensors on the CPU from this one, which lives as long as the process.
TensorMemory& install_tensor_memory();

}  // namespace weir::engine
