#include "http/body_buffer.h"

#include <algorithm>

namespace weir::http {
namespace {

constexpr size_t kFirstStep = size_t{16} << 10;

}  // namespace

Result<void> BodyBuffer::hold(size_t bytes) {
  if (bytes <= held_) return {};
  if (preparation_)
    if (auto room = preparation_->hold(bytes); !room) return room;
  held_ = bytes;
  return {};
}

Result<void> BodyBuffer::expect(size_t length) {
  if (auto room = hold(length); !room) return room;
  // Reserved memory costs nothing until it is written.
  body_.reserve(length);
  return {};
}

bool BodyBuffer::append(const char* data, size_t size) {
  const size_t after = body_.size() + size;
  const size_t step = after <= held_ ? held_ : std::max({kFirstStep, 2 * held_, after});
  if (auto room = hold(step); !room) {
    refusal_ = std::move(room.error());
    return false;
  }
  body_.append(data, size);
  return true;
}

}  // namespace weir::http
