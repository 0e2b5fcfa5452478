#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir {

/// A regular file that is open for reading. Reads copy: a file that is truncated or overwritten
/// meanwhile costs an error, never the process. Thread-safe.
class File {
 public:
  /// Errors: invalid_argument that says what is at `path` instead: nothing, a link to nothing, a
  /// folder, a pipe, a device, a git-lfs pointer, or what the system says.
  static Result<std::unique_ptr<File>> open(const std::string& path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }  // when it was opened

  /// Errors: invalid_argument where the file ends before that, or cannot be read.
  Result<void> read(void* to, uint64_t bytes, uint64_t offset) const;
  /// Tells the system that all of it will be read soon.
  void expect_all() const;
  /// Errors: invalid_argument where it was written or truncated since it was opened.
  Result<void> check_unchanged() const;

 private:
  File(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  Result<void> look();
  const std::string path_;
  const int descriptor_;
  uint64_t size_ = 0;
  timespec written_{};
};

/// Longer texts are no part of a model folder.
constexpr uint64_t kMostTextBytes = uint64_t{512} << 20;

/// All of a file of text. Errors: as File's; more than kMostTextBytes.
Result<std::string> read_text_file(const std::string& path);

/// Readers of JSON recurse, so what they read is held to this depth first.
constexpr size_t kMostJsonDepth = 256;

/// Errors: invalid_argument where objects and arrays of `json` are nested deeper than
/// kMostJsonDepth. `name`: what it is, for the message.
Result<void> check_json_depth(std::string_view json, const std::string& name);

/// A file whose JSON may be parsed. Errors: as read_text_file and check_json_depth; it is empty.
Result<std::string> read_json_file(const std::string& path);

}  // namespace weir
