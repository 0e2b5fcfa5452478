#include "base/metrics_process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "weir/base/log.h"

namespace weir {
namespace {

/// The numbers of proc_pid_stat(5) that follow the command's name, which may hold anything.
struct Stat {
  double cpu_ticks = 0, threads = 0, start_ticks = 0, virtual_bytes = 0, resident_pages = 0;
};

std::optional<Stat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string text(std::istreambuf_iterator<char>(file), {});
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  Stat stat;
  std::string field;
  for (int number = 3; fields >> field; ++number) {  // as the manual counts them
    const auto value = [&] { return std::strtod(field.c_str(), nullptr); };
    if (number == 14 || number == 15) stat.cpu_ticks += value();
    if (number == 20) stat.threads = value();
    if (number == 22) stat.start_ticks = value();
    if (number == 23) stat.virtual_bytes = value();
    if (number == 24) stat.resident_pages = value();
  }
  return stat;
}

/// Seconds since 1970 at which the system started.
std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  }
  return std::nullopt;
}

std::optional<double> open_files() {
  std::error_code failure;
  std::filesystem::directory_iterator entries("/proc/self/fd", failure);
  double count = -1;  // the look itself opens one
  for (; !failure && entries != std::filesystem::directory_iterator(); entries.increment(failure))
    ++count;
  return failure ? std::nullopt : std::optional(count);
}

void tell_stat(Scrape& to, const Stat& stat) {
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  to.counter("process_cpu_seconds_total", "Processor time of the process, user and system.", {},
             stat.cpu_ticks / ticks);
  if (auto boot = boot_time())
    to.gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.", {},
             *boot + stat.start_ticks / ticks);
  to.gauge("process_virtual_memory_bytes", "Virtual memory of the process.", {},
           stat.virtual_bytes);
  to.gauge("process_resident_memory_bytes", "Resident memory of the process.", {},
           stat.resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
  to.gauge("process_threads", "Threads of the process.", {}, stat.threads);
}

}  // namespace

void tell_process(Scrape& to) {
  if (auto stat = read_stat()) tell_stat(to, *stat);
  if (auto open = open_files())
    to.gauge("process_open_fds", "File descriptors that are open.", {}, *open);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    to.gauge("process_max_fds", "File descriptors that may be open.", {},
             static_cast<double>(limit.rlim_cur));
  to.counter("weir_log_lines_dropped_total",
             "Lines of the log that were dropped since nobody read them.", {},
             static_cast<double>(log_lines_dropped()));
}

}  // namespace weir
