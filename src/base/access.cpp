#include "weir/base/access.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <optional>

namespace weir {
namespace {

namespace fs = std::filesystem;

/// "user 10001 may not enter /models (mode 0700, owner 0)"
std::string denial(const fs::path& at, const char* what) {
  std::string text = fmt::format("user {} may not {} {}", geteuid(), what, at.string());
  struct stat found {};
  if (::stat(at.c_str(), &found) == 0)
    text += fmt::format(" (mode {:04o}, owner {})", found.st_mode & 07777, found.st_uid);
  return text;
}

bool allows(const fs::path& path, int mode) {
  return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

constexpr int kMostLinks = 16;

/// What at or above `path` denies it; none: not the modes, perhaps a security module.
std::optional<std::string> what_denies(const fs::path& path, int links = 0) {
  std::error_code failure;
  const fs::path whole = fs::absolute(path, failure).lexically_normal();
  fs::path above;
  for (auto part = whole.begin(); part != whole.end(); ++part) {
    above /= *part;
    if (fs::is_symlink(fs::symlink_status(above, failure)) && links < kMostLinks) {
      fs::path target = above.parent_path() / fs::read_symlink(above, failure);
      for (auto rest = std::next(part); rest != whole.end(); ++rest) target /= *rest;
      return what_denies(target, links + 1);
    }
    if (above != whole && allows(above, F_OK) && !allows(above, X_OK))
      return denial(above, "enter");
  }
  if (!allows(whole, F_OK)) return denial(whole.parent_path(), "write to");
  if (!allows(whole, R_OK)) return denial(whole, "read");
  if (fs::is_directory(whole, failure) && !allows(whole, X_OK)) return denial(whole, "enter");
  if (!allows(whole, W_OK)) return denial(whole, "write to");
  return std::nullopt;
}

}  // namespace

std::string reason_of(int error, const std::string& path) {
  std::string reason = std::strerror(error);
  if (error != EACCES && error != EPERM) return reason;
  if (const auto denies = what_denies(path)) reason += ": " + *denies;
  return reason;
}

Result<bool> is_there(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return invalid(path + " cannot be read: " + reason_of(errno, path));
}

}  // namespace weir
