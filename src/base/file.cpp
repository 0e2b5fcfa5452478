#include "weir/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "weir/base/access.h"

namespace weir {
namespace {

constexpr std::string_view kGitLfs = "version https://git-lfs.github.com/spec/";

Error cannot_open(const std::string& path, int why) {
  std::error_code failure;
  const auto target = std::filesystem::read_symlink(path, failure);
  if (why == ENOENT && !failure)
    return invalid(path + " is a link to " + target.string() + ", which is not there");
  return invalid(path + " cannot be read: " + reason_of(why, path));
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "a socket";
}

}  // namespace

Result<std::unique_ptr<File>> File::open(const std::string& path) {
  // Without O_NONBLOCK a pipe would be waited for.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return cannot_open(path, errno);
  std::unique_ptr<File> file(new File(path, descriptor));
  if (auto good = file->look(); !good) return good.error();
  return file;
}

File::~File() { ::close(descriptor_); }

Result<void> File::look() {
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) return cannot_open(path_, errno);
  if (!S_ISREG(info.st_mode))
    return invalid(path_ + " is " + kind_of(info.st_mode) + ", not a regular file");
  size_ = static_cast<uint64_t>(info.st_size);
  written_ = info.st_mtim;
  char begin[kGitLfs.size()];
  if (size_ < sizeof begin) return {};
  if (auto read_begin = read(begin, sizeof begin, 0); !read_begin) return read_begin;
  if (std::string_view(begin, sizeof begin) == kGitLfs)
    return invalid(path_ + " is a git-lfs pointer, not the file itself: git lfs pull gets it");
  return {};
}

Result<void> File::read(void* to, uint64_t bytes, uint64_t offset) const {
  constexpr uint64_t kPiece = uint64_t{1} << 30;  // the system takes a little less than two
  auto* at = static_cast<char*>(to);
  while (bytes > 0) {
    const auto piece = static_cast<size_t>(std::min(bytes, kPiece));
    const ssize_t got = ::pread(descriptor_, at, piece, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return invalid(path_ + " cannot be read: " + std::strerror(errno));
    if (got == 0)
      return invalid(path_ + " ends at byte " + std::to_string(offset) + "; it had " +
                     std::to_string(size_) + " when it was opened");
    at += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<uint64_t>(got);
  }
  return {};
}

void File::expect_all() const { ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_WILLNEED); }

Result<void> File::check_unchanged() const {
  struct stat now {};
  if (::fstat(descriptor_, &now) != 0) return cannot_open(path_, errno);
  if (static_cast<uint64_t>(now.st_size) == size_ && now.st_mtim.tv_sec == written_.tv_sec &&
      now.st_mtim.tv_nsec == written_.tv_nsec)
    return {};
  return invalid(path_ + " was written while it was read");
}

Result<std::string> read_text_file(const std::string& path) {
  auto file = File::open(path);
  if (!file) return file.error();
  if ((*file)->size() > kMostTextBytes)
    return invalid(path + " has " + std::to_string((*file)->size()) + " bytes; at most " +
                   std::to_string(kMostTextBytes) + " are read");
  std::string text((*file)->size(), '\0');
  if (auto read = (*file)->read(text.data(), text.size(), 0); !read) return read.error();
  return text;
}

Result<void> check_json_depth(std::string_view json, const std::string& name) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      if (c == '\\') ++i;
    } else if (c == '{' || c == '[') {
      if (++depth > kMostJsonDepth)
        return invalid(name + " is nested deeper than " + std::to_string(kMostJsonDepth) +
                       " levels");
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return {};
}

Result<std::string> read_json_file(const std::string& path) {
  auto text = read_text_file(path);
  if (!text) return text;
  if (text->empty()) return invalid(path + " is empty");
  if (auto checked = check_json_depth(*text, path); !checked) return checked.error();
  return text;
}

}  // namespace weir
