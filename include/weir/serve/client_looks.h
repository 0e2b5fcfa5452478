#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace weir::serve {

/// How long a thread that waits for a whole answer sleeps before it looks again whether its client
/// has left. Each sleep is twice the one before it, at most kMost: a look costs a wake and a system
/// call, and thousands of threads may wait for long answers.
class ClientLooks {
 public:
  static constexpr std::chrono::milliseconds kFirst{150}, kMost{1200};

  std::chrono::milliseconds next() { return std::exchange(next_, std::min(2 * next_, kMost)); }

 private:
  std::chrono::milliseconds next_ = kFirst;
};

}  // namespace weir::serve
