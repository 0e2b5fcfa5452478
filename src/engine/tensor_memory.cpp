#include "engine/tensor_memory.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace weir::engine {
namespace {

// Below it malloc does well.
constexpr size_t kLarge = size_t{128} << 10;
constexpr size_t kPage = 4096;
constexpr size_t kSizesOfOctave = 4;
// A free block may be larger than what it is taken for by this part of it.
constexpr size_t kLoose = 4;

// To one of few sizes, so that steps of growing rows want the same blocks. What lies behind the
// tensor is never touched, and so takes no memory.
size_t rounded(size_t bytes) {
  const size_t grain = std::max(std::bit_floor(bytes) / kSizesOfOctave, kPage);
  return (bytes + grain - 1) / grain * grain;
}

}  // namespace

TensorMemory::~TensorMemory() {
  for (Block* block : free_) unmap(block);
}

TensorMemory::Block* TensorMemory::map(TensorMemory* memory, size_t bytes) {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
  return new Block{.memory = memory, .data = data, .bytes = bytes};
}

void TensorMemory::unmap(Block* block) {
  munmap(block->data, block->bytes);
  delete block;
}

c10::DataPtr TensorMemory::allocate(size_t bytes) {
  const c10::Device cpu(c10::DeviceType::CPU);
  if (bytes < kLarge) {
    void* data = bytes > 0 ? c10::alloc_cpu(bytes) : nullptr;
    return {data, data, &c10::free_cpu, cpu};
  }
  bytes = rounded(bytes);
  Block* block = reuse(bytes);
  if (block == nullptr) block = map(this, bytes);
  return {block->data, block, &TensorMemory::release, cpu};
}

void TensorMemory::copy_data(void* to, const void* from, size_t bytes) const {
  std::memcpy(to, from, bytes);
}

size_t TensorMemory::kept() const {
  std::lock_guard lock(mutex_);
  return kept_;
}

void TensorMemory::release(void* block) {
  auto* freed = static_cast<Block*>(block);
  freed->memory->keep(freed);
}

void TensorMemory::keep(Block* block) {
  Free old;
  {
    std::lock_guard lock(mutex_);
    block->freed = step_;
    free_.push_back(block);
    by_size_.emplace(block->bytes, std::prev(free_.end()));
    kept_ += block->bytes;
    while (kept_ > most_kept_) take_oldest(old);
  }
  for (Block* each : old) unmap(each);
}

void TensorMemory::next_step() {
  Free old;
  {
    std::lock_guard lock(mutex_);
    ++step_;
    while (!free_.empty() && free_.front()->freed + most_steps_ < step_) take_oldest(old);
  }
  for (Block* each : old) unmap(each);
}

void TensorMemory::give_back() {
  Free old;
  {
    std::lock_guard lock(mutex_);
    while (!free_.empty()) take_oldest(old);
  }
  for (Block* each : old) unmap(each);
}

void TensorMemory::take_oldest(Free& old) {
  for (auto [each, end] = by_size_.equal_range(free_.front()->bytes); each != end; ++each) {
    if (each->second != free_.begin()) continue;
    by_size_.erase(each);
    break;
  }
  kept_ -= free_.front()->bytes;
  old.splice(old.end(), free_, free_.begin());
}

TensorMemory::Block* TensorMemory::reuse(size_t bytes) {
  std::lock_guard lock(mutex_);
  auto found = by_size_.lower_bound(bytes);
  if (found == by_size_.end() || found->first > bytes + bytes / kLoose) return nullptr;
  Block* block = *found->second;
  kept_ -= block->bytes;
  free_.erase(found->second);
  by_size_.erase(found);
  return block;
}

TensorMemory& install_tensor_memory() {
  if (auto* there = dynamic_cast<TensorMemory*>(c10::GetCPUAllocator())) return *there;
  // ATen keeps a bare pointer, and tensors may outlive everything else.
  auto* memory = new TensorMemory;
  c10::SetCPUAllocator(memory, 1);
  return *memory;
}

}  // namespace weir::engine
