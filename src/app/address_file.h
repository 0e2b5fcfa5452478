#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace weir::app {

/// Where a daemon can be asked.
struct DaemonAddress {
  std::string host;
  int port = 0;
  friend bool operator==(const DaemonAddress&, const DaemonAddress&) = default;
};

/// "http://127.0.0.1:8080", "http://[::1]:8080"
std::string url_of(const DaemonAddress& address);

/// The host at which this machine reaches a daemon that listens on `host`: loopback for a wildcard.
std::string reached_from_here(const std::string& host);

/// Tells the daemon's address to programs on its machine that see its process and know no setting,
/// such as a container's health check. It is an open memory file named "weir-address" below
/// /proc/PID/fd with the line "HOST PORT". It needs no folder that can be written, and ends with
/// the process.
class AddressFile {
 public:
  /// `host`: the address that is listened on; a wildcard is written as loopback. If the kernel
  /// gives no memory file, there is none.
  AddressFile(const std::string& host, int port);
  ~AddressFile();
  AddressFile(const AddressFile&) = delete;

 private:
  int file_ = -1;
};

/// The address in the file of a process; none: it has no such file, or may not be looked at.
std::optional<DaemonAddress> address_of(pid_t process);

/// The addresses of all daemons whose processes may be looked at, each once.
std::vector<DaemonAddress> addresses_here();

}  // namespace weir::app
