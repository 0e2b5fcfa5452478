#include "still_wanted.h"

namespace weir::serve {

Result<void> StillWanted::check() {
  const TimePoint now = clock_.now();
  if (until_.deadline && now >= *until_.deadline) return deadline_passed(until_.timeout.value());
  if (!until_.gone || now < next_look_) return {};
  if (until_.gone())
    return Error{.code = Code::cancelled, .message = "the client left while its request was read"};
  next_look_ = now + kLook;
  return {};
}

}  // namespace weir::serve
