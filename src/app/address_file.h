#pragma once

#include <string>

namespace weir::app {

/// Tells the daemon's address to programs on its machine that see its process and know no setting,
/// such as a container's health check. It is an open memory file named "weir-address" below
/// /proc/PID/fd with the text "HOST PORT
///
/// ". It needs no folder that can be written, and ends with the process.
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

}  // namespace weir::app
