#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace weir {

/// What the control groups of a process (version 1, 2 or both) let it have. A group is bounded by
/// its own limit and by that of every group above it.
struct CgroupLimits {
  struct Memory {
    uint64_t limit = 0;  // bytes
    /// Bytes of the group that the kernel cannot take back: all but pages of files.
    uint64_t used = 0;

    uint64_t room() const { return limit > used ? limit - used : 0; }
  };
  std::optional<Memory> memory;      // of the group with the least room; none: no limit
  std::optional<double> processors;  // processor seconds a second; none: no quota
};

/// The text of a file by its path; none where it cannot be read.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

/// Of the process that `read` sees at /proc/self. Files are those of the kernel's
/// admin-guide/cgroup-v2 and cgroup-v1; what is missing or is no number sets no limit.
CgroupLimits cgroup_limits(const ReadFile& read);
/// Of this process.
CgroupLimits cgroup_limits();

/// Threads that a process may keep busy which is scheduled on `cores` cores: the quota rounded up,
/// at least 1.
int usable_threads(int cores, const CgroupLimits& limits);

}  // namespace weir
