#include "weir/base/cgroup.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace weir {
namespace {

/// A mounted hierarchy: the groups below `root` are the folders below `point`.
struct Mount {
  bool unified = false;     // version 2
  std::string controllers;  // ",memory,": of version 1
  std::string root, point;
};

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::vector<std::string> lines_of(const std::optional<std::string>& text) {
  std::istringstream stream(text.value_or(""));
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// "36 35 0:32 ROOT POINT rw shared:9 - TYPE SOURCE OPTIONS" (proc_pid_mountinfo).
std::vector<Mount> mounts_of(const ReadFile& read) {
  std::vector<Mount> mounts;
  for (const std::string& line : lines_of(read("/proc/self/mountinfo"))) {
    const auto words = words_of(line);
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 5 || words.end() - dash < 4) continue;
    if (dash[1] == "cgroup2") mounts.push_back({true, {}, words[3], words[4]});
    if (dash[1] == "cgroup") mounts.push_back({false, "," + dash[3] + ",", words[3], words[4]});
  }
  return mounts;
}

bool among(const std::string& controllers, const std::string& name) {
  return controllers.find("," + name + ",") != std::string::npos;
}

/// The group of the process: "4:memory:/a/b" of version 1, "0::/a/b" of version 2.
std::optional<std::string> group_of(const ReadFile& read, const Mount& mount,
                                    const std::string& controller) {
  for (const std::string& line : lines_of(read("/proc/self/cgroup"))) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_it =
        mount.unified ? controllers.empty() : among("," + controllers + ",", controller);
    if (is_it) return line.substr(second + 1);
  }
  return std::nullopt;
}

/// The group's folder and those above it, as far as the mount shows them. A container that sees the
/// group's path from outside has the group itself mounted.
std::vector<std::string> folders_of(const Mount& mount, std::string group) {
  if (mount.root != "/") {
    const bool below = group == mount.root || group.starts_with(mount.root + "/");
    group = below ? group.substr(mount.root.size()) : "";
  }
  if (group.find("..") != std::string::npos) group.clear();  // above what its namespace shows
  std::vector<std::string> folders;
  while (!group.empty() && group != "/") {
    folders.push_back(mount.point + group);
    group.resize(group.rfind('/'));
  }
  folders.push_back(mount.point);
  return folders;
}

std::vector<std::string> folders_of(const ReadFile& read, const Mount& mount,
                                    const std::string& controller) {
  if (!mount.unified && !among(mount.controllers, controller)) return {};
  const auto group = group_of(read, mount, controller);
  return group ? folders_of(mount, *group) : std::vector<std::string>{};
}

template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end == text.data()) return std::nullopt;
  return number;
}

std::optional<uint64_t> number_in(const ReadFile& read, const std::string& path) {
  return number_of<uint64_t>(read(path).value_or(""));
}

/// The number behind `name` in lines of "name number".
std::optional<uint64_t> field_of(const std::optional<std::string>& text, const std::string& name) {
  for (const std::string& line : lines_of(text))
    if (line.starts_with(name + " ")) return number_of<uint64_t>(line.substr(name.size() + 1));
  return std::nullopt;
}

constexpr uint64_t kUnlimited = uint64_t{1} << 62;  // version 1 writes a number above it

std::optional<CgroupLimits::Memory> memory_of(const ReadFile& read, const Mount& mount,
                                              const std::string& folder) {
  const bool v2 = mount.unified;
  const auto stat = read(folder + "/memory.stat");
  uint64_t limit = number_in(read, folder + (v2 ? "/memory.max" : "/memory.limit_in_bytes"))
                       .value_or(kUnlimited);
  // That of groups which the mount does not show is among it.
  if (!v2) limit = std::min(limit, field_of(stat, "hierarchical_memory_limit").value_or(limit));
  if (limit >= kUnlimited) return std::nullopt;
  const uint64_t all =
      number_in(read, folder + (v2 ? "/memory.current" : "/memory.usage_in_bytes")).value_or(0);
  const std::string prefix = v2 ? "" : "total_";
  const uint64_t files = field_of(stat, prefix + "active_file").value_or(0) +
                         field_of(stat, prefix + "inactive_file").value_or(0);
  return CgroupLimits::Memory{.limit = limit, .used = all - std::min(all, files)};
}

std::optional<double> quota_of(const ReadFile& read, const Mount& mount,
                               const std::string& folder) {
  std::vector<std::string> words;  // quota, period
  if (mount.unified) {
    words = words_of(read(folder + "/cpu.max").value_or(""));
  } else {
    for (const char* file : {"/cpu.cfs_quota_us", "/cpu.cfs_period_us"})
      words.push_back(read(folder + file).value_or(""));
  }
  if (words.size() < 2) return std::nullopt;
  const auto quota = number_of<int64_t>(words[0]), period = number_of<int64_t>(words[1]);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

}  // namespace

CgroupLimits cgroup_limits(const ReadFile& read) {
  CgroupLimits limits;
  for (const Mount& mount : mounts_of(read)) {
    for (const std::string& folder : folders_of(read, mount, "memory")) {
      const auto memory = memory_of(read, mount, folder);
      if (memory && (!limits.memory || memory->room() < limits.memory->room()))
        limits.memory = memory;
    }
    for (const std::string& folder : folders_of(read, mount, "cpu")) {
      const auto quota = quota_of(read, mount, folder);
      if (quota) limits.processors = std::min(*quota, limits.processors.value_or(*quota));
    }
  }
  return limits;
}

CgroupLimits cgroup_limits() {
  return cgroup_limits([](const std::string& path) -> std::optional<std::string> {
    std::ifstream file(path);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
  });
}

int usable_threads(int cores, const CgroupLimits& limits) {
  const double quota = limits.processors.value_or(cores);
  return std::max(1, static_cast<int>(std::min<double>(cores, std::ceil(quota))));
}

}  // namespace weir
