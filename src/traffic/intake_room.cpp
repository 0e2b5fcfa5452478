#include "traffic/intake_room.h"

#include <algorithm>

namespace weir::traffic {

bool IntakeRoom::fits(size_t held, Change change) const {
  if (change.to <= options_.unasked_bytes) return true;
  const size_t more = change.to - change.from;
  const size_t after = bytes_ + more;
  if (after > options_.room_bytes) return false;
  const bool only_request = held == change.from;
  return only_request || held + more <= options_.room_bytes - after;
}

Result<void> IntakeRoom::grow(const std::string& client, Change change) {
  size_t& held = clients_[client];
  if (!fits(held, change)) {
    const size_t own = held;
    if (held == 0) clients_.erase(client);
    return Error{.code = Code::overloaded,
                 .message = "no room for a body of " + std::to_string(change.to) +
                            " bytes: requests that are being read hold " + std::to_string(bytes_) +
                            " of " + std::to_string(options_.room_bytes) + ", " +
                            std::to_string(own) + " of them this client's",
                 .retry_after = options_.retry_after};
  }
  held += change.to - change.from;
  bytes_ += change.to - change.from;
  return {};
}

void IntakeRoom::give_back(const std::string& client, size_t bytes) {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return;
  bytes_ -= bytes;
  found->second -= bytes;
  if (found->second == 0) clients_.erase(found);
}

}  // namespace weir::traffic
