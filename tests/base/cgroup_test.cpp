#include "weir/base/cgroup.h"

#include <gtest/gtest.h>

#include <map>

namespace weir {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

/// Files by path, as the process would find them.
class Tree {
 public:
  Tree& add(const std::string& path, const std::string& text) {
    files_[path] = text;
    return *this;
  }
  Tree& add(const std::string& path, uint64_t number) {
    return add(path, std::to_string(number) + "\n");
  }
  CgroupLimits limits() const {
    return cgroup_limits([this](const std::string& path) -> std::optional<std::string> {
      const auto found = files_.find(path);
      return found == files_.end() ? std::nullopt : std::optional(found->second);
    });
  }

 private:
  std::map<std::string, std::string> files_;
};

const std::string kV1Mounts =
    "22 1 0:20 / / rw,relatime - ext4 /dev/vda rw\n"
    "30 22 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "31 22 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n";
const std::string kV2Mounts =
    "30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(Cgroup, WithoutFilesNothingIsLimited) {
  const CgroupLimits limits = Tree().limits();
  EXPECT_FALSE(limits.memory);
  EXPECT_FALSE(limits.processors);
  EXPECT_EQ(usable_threads(3, limits), 3);
}

TEST(Cgroup, V2TheSmallestLimitOnTheWayUpHolds) {
  Tree tree;
  tree.add("/proc/self/mountinfo", kV2Mounts)
      .add("/proc/self/cgroup", "0::/pod/box\n")
      .add("/sys/fs/cgroup/pod/box/memory.max", "max\n")
      .add("/sys/fs/cgroup/pod/box/cpu.max", "max 100000\n")
      .add("/sys/fs/cgroup/pod/memory.max", 700 * kMiB)
      .add("/sys/fs/cgroup/pod/memory.current", 500 * kMiB)
      .add("/sys/fs/cgroup/pod/memory.stat",
           "anon 100\nfile 400\nactive_file 104857600\ninactive_file 209715200\n")
      .add("/sys/fs/cgroup/pod/cpu.max", "150000 100000\n")
      .add("/sys/fs/cgroup/cpu.max", "400000 100000\n");
  const CgroupLimits limits = tree.limits();
  ASSERT_TRUE(limits.memory);
  EXPECT_EQ(limits.memory->limit, 700 * kMiB);
  EXPECT_EQ(limits.memory->used, 200 * kMiB) << "pages of files are taken back when needed";
  EXPECT_EQ(limits.memory->room(), 500 * kMiB);
  EXPECT_EQ(limits.processors, 1.5);
  EXPECT_EQ(usable_threads(8, limits), 2);
  EXPECT_EQ(usable_threads(1, limits), 1);
}

TEST(Cgroup, OfTwoLimitsThatWithLessRoomCounts) {
  Tree tree;
  tree.add("/proc/self/mountinfo", kV2Mounts)
      .add("/proc/self/cgroup", "0::/pod/box\n")
      .add("/sys/fs/cgroup/pod/box/memory.max", 700 * kMiB)
      .add("/sys/fs/cgroup/pod/box/memory.current", 10 * kMiB)
      .add("/sys/fs/cgroup/pod/memory.max", 900 * kMiB)
      .add("/sys/fs/cgroup/pod/memory.current", 800 * kMiB);
  EXPECT_EQ(tree.limits().memory->limit, 900 * kMiB);
  EXPECT_EQ(tree.limits().memory->room(), 100 * kMiB);
  tree.add("/sys/fs/cgroup/pod/memory.current", 1000 * kMiB);
  EXPECT_EQ(tree.limits().memory->room(), 0u);
}

TEST(Cgroup, V2InANamespaceOfItsOwn) {
  Tree tree;
  tree.add("/proc/self/mountinfo", kV2Mounts)
      .add("/proc/self/cgroup", "0::/\n")
      .add("/sys/fs/cgroup/memory.max", 300 * kMiB)
      .add("/sys/fs/cgroup/cpu.max", "50000 100000");
  EXPECT_EQ(tree.limits().memory->limit, 300 * kMiB);
  EXPECT_EQ(usable_threads(4, tree.limits()), 1);
}

TEST(Cgroup, V1EveryLevelAndItsOwnHierarchies) {
  Tree tree;
  tree.add("/proc/self/mountinfo", kV1Mounts)
      .add("/proc/self/cgroup", "5:cpuset:/x\n4:memory:/pod/box\n1:cpu,cpuacct:/pod\n")
      .add("/sys/fs/cgroup/memory/pod/box/memory.limit_in_bytes", "9223372036854771712\n")
      .add("/sys/fs/cgroup/memory/pod/memory.limit_in_bytes", 700 * kMiB)
      .add("/sys/fs/cgroup/memory/pod/memory.usage_in_bytes", 300 * kMiB)
      .add("/sys/fs/cgroup/memory/pod/memory.stat",
           "active_file 1\ninactive_file 1\ntotal_active_file 104857600\n"
           "total_inactive_file 104857600\n")
      .add("/sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us", "50000\n")
      .add("/sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_period_us", "100000\n")
      .add("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n")
      .add("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  const CgroupLimits limits = tree.limits();
  EXPECT_EQ(limits.memory->limit, 700 * kMiB);
  EXPECT_EQ(limits.memory->used, 100 * kMiB);
  EXPECT_EQ(limits.processors, 0.5);
}

TEST(Cgroup, V1LimitsAboveWhatIsMountedHoldToo) {
  Tree tree;
  tree.add("/proc/self/mountinfo",
           "31 22 0:27 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n")
      .add("/proc/self/cgroup", "4:memory:/docker/abc\n")
      .add("/sys/fs/cgroup/memory/memory.limit_in_bytes", 700 * kMiB)
      .add("/sys/fs/cgroup/memory/memory.usage_in_bytes", 20 * kMiB)
      .add("/sys/fs/cgroup/memory/memory.stat", "hierarchical_memory_limit 629145600\n");
  EXPECT_EQ(tree.limits().memory->limit, 600 * kMiB);
}

TEST(Cgroup, AGroupOutsideOfTheMountIsReadWhereTheMountIs) {
  Tree tree;
  tree.add("/proc/self/mountinfo",
           "31 22 0:27 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n")
      .add("/proc/self/cgroup", "4:memory:/other\n")
      .add("/sys/fs/cgroup/memory/memory.limit_in_bytes", 700 * kMiB);
  EXPECT_EQ(tree.limits().memory->limit, 700 * kMiB);
  tree.add("/proc/self/cgroup", "4:memory:/../abc\n");
  EXPECT_EQ(tree.limits().memory->limit, 700 * kMiB);
}

TEST(Cgroup, WhatIsNoNumberSetsNoLimit) {
  Tree tree;
  tree.add("/proc/self/mountinfo", kV2Mounts + "nonsense\n")
      .add("/proc/self/cgroup", "0::/\nnonsense\n")
      .add("/sys/fs/cgroup/memory.max", "")
      .add("/sys/fs/cgroup/cpu.max", "0 0");
  EXPECT_FALSE(tree.limits().memory);
  EXPECT_FALSE(tree.limits().processors);
}

TEST(Cgroup, ThisProcessCanBeAsked) { EXPECT_GE(usable_threads(1, cgroup_limits()), 1); }

}  // namespace
}  // namespace weir
