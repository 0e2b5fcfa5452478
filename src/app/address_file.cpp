#include "app/address_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <utility>

namespace weir::app {
namespace {

std::string reachable(const std::string& host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  return host == "::" ? "::1" : host;
}

}  // namespace

AddressFile::AddressFile(const std::string& host, int port)
    : file_(memfd_create("weir-address", MFD_CLOEXEC)) {
  const std::string text = reachable(host) + " " + std::to_string(port) + "\n";
  const bool written =
      file_ >= 0 && write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!written && file_ >= 0) close(std::exchange(file_, -1));
}

AddressFile::~AddressFile() {
  if (file_ >= 0) close(file_);
}

}  // namespace weir::app
