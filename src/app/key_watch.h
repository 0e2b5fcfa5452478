#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "weir/base/result.h"
#include "weir/traffic/key.h"

namespace weir::app {

/// Watches a key file for changes. A wrong file changes nothing. It is read again when it changes
/// again.
class KeyWatch {
 public:
  using Read = std::function<Result<std::shared_ptr<const traffic::KeyStore>>()>;

  /// `path` empty: there is nothing to watch. `read` reads the keys.
  KeyWatch(std::string path, Read read);

  /// The new keys; null: nothing changed. Errors: what is wrong with the file; then the old keys
  /// stay.
  Result<std::shared_ptr<const traffic::KeyStore>> look();

  /// Reads the keys, whether or not the file has changed. Errors: as look().
  Result<std::shared_ptr<const traffic::KeyStore>> read_again();

 private:
  struct Stamp {
    std::filesystem::file_time_type written{};
    uintmax_t size = 0;
    bool operator==(const Stamp&) const = default;
  };
  Stamp stamp() const;

  const std::string path_;
  const Read read_;
  Stamp seen_;
};

}  // namespace weir::app
