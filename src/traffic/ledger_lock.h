#pragma once

#include <string>

#include "weir/base/result.h"

namespace weir::traffic {

/// The right of one process to write in a data directory: a lock on DIR/weir.lock. The system frees
/// the lock when the process ends, in whatever way it ends. Move-only.
class DirectoryLock {
 public:
  /// Makes the folder (not its parents) if there is none. Errors: another process holds it; it
  /// cannot be written.
  static Result<DirectoryLock> take(const std::string& directory);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int file) : file_(file) {}
  int file_;
};

}  // namespace weir::traffic
