#include "weir/base/last_words.h"

#include <poll.h>
#include <unistd.h>

#include <climits>

#include "weir/base/log.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds kLogLimit{500};
constexpr int kRoomMs = 500;

}  // namespace

void last_words(std::string_view text) {
  drain_log(kLogLimit);
  while (!text.empty()) {
    pollfd entry{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    if (poll(&entry, 1, kRoomMs) <= 0) return;
    // As much as a pipe that has room takes without blocking.
    const ssize_t written = write(STDERR_FILENO, text.data(), text.substr(0, PIPE_BUF).size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace weir
