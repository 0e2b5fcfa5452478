#include "app/key_watch.h"

namespace weir::app {

KeyWatch::KeyWatch(std::string path, Read read)
    : path_(std::move(path)), read_(std::move(read)), seen_(stamp()) {}

KeyWatch::Stamp KeyWatch::stamp() const {
  Stamp stamp;
  if (path_.empty()) return stamp;
  // If the file is gone for a moment (an editor renames it), both stay 0.
  std::error_code failure;
  stamp.written = std::filesystem::last_write_time(path_, failure);
  if (failure) return Stamp{};
  stamp.size = std::filesystem::file_size(path_, failure);
  return failure ? Stamp{} : stamp;
}

Result<std::shared_ptr<const traffic::KeyStore>> KeyWatch::look() {
  if (stamp() == seen_) return std::shared_ptr<const traffic::KeyStore>();
  return read_again();
}

Result<std::shared_ptr<const traffic::KeyStore>> KeyWatch::read_again() {
  seen_ = stamp();
  return read_();
}

}  // namespace weir::app
