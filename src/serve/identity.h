#pragma once

#include <memory>
#include <utility>

#include "weir/serve/service.h"
#include "weir/traffic/key.h"

namespace weir::serve {

/// The key that a request came with.
class Identity {
 public:
  explicit Identity(std::shared_ptr<const traffic::Key> key) : key_(std::move(key)) {}
  const std::shared_ptr<const traffic::Key>& key() const { return key_; }

 private:
  const std::shared_ptr<const traffic::Key> key_;
};

}  // namespace weir::serve
