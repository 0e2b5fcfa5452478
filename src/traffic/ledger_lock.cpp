#include "ledger_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "weir/base/access.h"

namespace weir::traffic {
namespace {

constexpr mode_t kFolderMode = 0750;
constexpr mode_t kFileMode = 0640;

Error cannot(const std::string& what, const std::string& path) {
  return invalid("cannot " + what + " " + path + ": " + reason_of(errno, path), "data-dir");
}

/// The text that the holder wrote; empty if it has not written yet.
std::string holder(int file) {
  std::array<char, 32> text{};
  const ssize_t size = pread(file, text.data(), text.size() - 1, 0);
  std::string id(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
  return id.substr(0, id.find('\n'));
}

}  // namespace

Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
  if (mkdir(directory.c_str(), kFolderMode) != 0 && errno != EEXIST)
    return cannot("make the folder", directory);
  const std::string path = directory + "/weir.lock";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (file < 0) return cannot("open", path);
  DirectoryLock lock(file);
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return cannot("lock", path);
    const std::string id = holder(file);
    return invalid("data-dir " + directory + " is in use by another weir" +
                       (id.empty() ? "" : ", process " + id),
                   "data-dir");
  }
  const std::string id = std::to_string(getpid()) + "\n";
  if (ftruncate(file, 0) != 0 || pwrite(file, id.data(), id.size(), 0) < 0)
    return cannot("write", path);
  return lock;
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : file_(std::exchange(other.file_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (file_ >= 0) close(file_);
}

}  // namespace weir::traffic
