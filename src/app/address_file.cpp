#include "app/address_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <utility>

namespace weir::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "weir-address";

std::optional<DaemonAddress> read_address(const fs::path& file) {
  std::ifstream text(file);
  DaemonAddress address;
  return text >> address.host >> address.port ? std::optional(address) : std::nullopt;
}

std::optional<pid_t> process_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  pid_t process = 0;
  const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), process);
  const bool whole = failure == std::errc{} && end == name.data() + name.size();
  return whole ? std::optional(process) : std::nullopt;
}

}  // namespace

std::string url_of(const DaemonAddress& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return "http://" + (is_v6 ? "[" + address.host + "]" : address.host) + ":" +
         std::to_string(address.port);
}

std::string reached_from_here(const std::string& host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  return host == "::" ? "::1" : host;
}

AddressFile::AddressFile(const std::string& host, int port)
    : file_(memfd_create(kName, MFD_CLOEXEC)) {
  const std::string text = reached_from_here(host) + " " + std::to_string(port) + "\n";
  const bool written =
      file_ >= 0 && write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written && file_ >= 0) close(std::exchange(file_, -1));
}

AddressFile::~AddressFile() {
  if (file_ >= 0) close(file_);
}

std::optional<DaemonAddress> address_of(pid_t process) {
  const std::string wanted = std::string("/memfd:") + kName;
  std::error_code failure;
  const fs::path files = "/proc/" + std::to_string(process) + "/fd";
  for (fs::directory_iterator file(files, failure), end; !failure && file != end;
       file.increment(failure)) {
    std::error_code gone;  // files close while they are looked at
    if (fs::read_symlink(*file, gone).string().starts_with(wanted)) return read_address(*file);
  }
  return std::nullopt;
}

std::vector<DaemonAddress> addresses_here() {
  std::vector<DaemonAddress> addresses;
  std::error_code failure;
  for (fs::directory_iterator folder("/proc", failure), end; !failure && folder != end;
       folder.increment(failure)) {
    const auto process = process_of(*folder);
    const auto address = process ? address_of(*process) : std::nullopt;
    if (address && !std::ranges::count(addresses, *address)) addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace weir::app
