#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace weir::app {

/// Takes the data of server-sent events out of the pieces in which a stream arrives. weir sends an
/// event's data on one line. Used by one thread.
class EventLines {
 public:
  /// Calls `event` with the data of each event that ends in `piece`.
  void feed(std::string_view piece, const std::function<void(std::string_view)>& event);

 private:
  std::string line_;  // what came of a line that has not ended
};

}  // namespace weir::app
