#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "key_bytes.h"
#include "weir/serve/answer.h"

namespace weir::serve {

/// A finished answer. Immutable once it is stored.
struct StoredAnswer {
  std::vector<Delta> choices;  // one piece for each choice
  Usage usage;                 // of the request that was computed

  size_t bytes() const;  // its approximate memory, its entry in the store included
};

/// Answers by key, bounded by bytes. The least recently used answer leaves first. Used by one
/// thread at a time.
class ResponseStore {
 public:
  explicit ResponseStore(size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Null: there is none.
  std::shared_ptr<const StoredAnswer> find(const ResponseKey& key);
  /// Replaces the answer of the key. An answer larger than the whole store is not kept.
  void put(const ResponseKey& key, std::shared_ptr<const StoredAnswer> answer);

  size_t bytes() const { return bytes_; }
  size_t size() const { return places_.size(); }

 private:
  using KeyedAnswer = std::pair<ResponseKey, std::shared_ptr<const StoredAnswer>>;

  void drop(std::list<KeyedAnswer>::iterator entry);

  const size_t most_bytes_;
  size_t bytes_ = 0;
  std::list<KeyedAnswer> entries_;  // the most recently used first
  std::unordered_map<ResponseKey, std::list<KeyedAnswer>::iterator, ResponseKeyHash> places_;
};

}  // namespace weir::serve
