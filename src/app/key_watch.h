#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "weir/base/result.h"
#include "weir/traffic/key.h"

namespace weir::app {

/// Sees that a key file has changed. A file that is wrong changes nothing; it is read again once it
/// changes again.
class KeyWatch {
 public:
  using Read = std::function<Result<std::shared_ptr<const traffic::KeyStore>>()>;

  /// `path` empty: there is nothing to watch. `read` gives the keys anew.
  KeyWatch(std::string path, Read read);

  /// The new keys, null where nothing changed. Errors: what is wrong with the file; the old keys
  /// hold.
  Result<std::shared_ptr<const traffic::KeyStore>> look();

  /// The keys anew, whether or not the file has changed. Errors: as look().
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
