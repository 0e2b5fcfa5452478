#include "weir/kernels/weight_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

namespace weir::kernels {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kBlock = size_t{64} << 20;  // what is never touched takes no memory

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

std::shared_ptr<std::byte> map_block(size_t bytes) {
  const size_t mapped = bytes + kHugePage;  // so that a boundary lies in it
  void* mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  const auto address = reinterpret_cast<uintptr_t>(mapping);
  auto* data = static_cast<std::byte*>(mapping) + (round_up(address, kHugePage) - address);
  madvise(data, bytes, MADV_HUGEPAGE);
  return {data, [mapping, mapped](std::byte*) { munmap(mapping, mapped); }};
}

}  // namespace

std::shared_ptr<std::byte> WeightMemory::take(size_t bytes) {
  bytes = round_up(std::max<size_t>(bytes, 1), 64);
  std::shared_ptr<std::byte> block = block_.lock();
  if (!block || size_ - used_ < bytes) {
    size_ = round_up(std::max(bytes, kBlock), kHugePage);
    block_ = block = map_block(size_);
    used_ = 0;
  }
  std::byte* data = block.get() + used_;
  used_ += bytes;
  return {std::move(block), data};
}

}  // namespace weir::kernels
