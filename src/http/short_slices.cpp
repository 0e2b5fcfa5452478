#include "http/short_slices.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace weir::http {
namespace {

/// The kernel's struct sched_attr. Debian 12's headers do not have it.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes), policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0, deadline = 0, period = 0;
};

constexpr uint64_t kShortest = 100'000;  // nanoseconds

}  // namespace

void ask_for_short_slices() {
  const SchedulingAttributes wish{.nice = getpriority(PRIO_PROCESS, 0), .runtime = kShortest};
  syscall(SYS_sched_setattr, 0, &wish, 0);
}

}  // namespace weir::http
