#pragma once

#include <string>

namespace weir::app {

/// Where a daemon can be asked from its own machine, for whoever sees its process and knows none of
/// its settings, as a container's health check: an open memory file named "weir-address" below
/// /proc/PID/fd with the text "HOST PORT\n". It needs no folder that can be written, and ends with
/// the process.
class AddressFile {
 public:
  /// `host` as it is listened on; a wildcard is written as loopback. Where the kernel gives no
  /// memory file nothing is told.
  AddressFile(const std::string& host, int port);
  ~AddressFile();
  AddressFile(const AddressFile&) = delete;

 private:
  int file_ = -1;
};

}  // namespace weir::app
