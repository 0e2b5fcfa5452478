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
  std::vector<Delta> choices;  // all of a choice in one piece
  Usage usage;                 // of the request that was computed

  size_t bytes() const;  // about what it takes in memory, its place in the store included
};

/// Answers by key, bounded by bytes; those used least recently leave first. Used by one thread at a
/// time.
class ResponseStore {
 public:
  explicit ResponseStore(size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Null: it is not there.
  std::shared_ptr<const StoredAnswer> find(const ResponseKey& key);
  /// Replaces what the key had. One larger than the whole store is not kept.
  void put(const ResponseKey& key, std::shared_ptr<const StoredAnswer> answer);

  size_t bytes() const { return bytes_; }
  size_t size() const { return places_.size(); }

 private:
  using Entry = std::pair<ResponseKey, std::shared_ptr<const StoredAnswer>>;

  void drop(std::list<Entry>::iterator entry);

  const size_t most_bytes_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // the last used first
  std::unordered_map<ResponseKey, std::list<Entry>::iterator, ResponseKeyHash> places_;
};

}  // namespace weir::serve
