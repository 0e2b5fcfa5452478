#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/memory/page_pool.h"

namespace weir::memory {

/// Names the content of a page and of all before it, and the scope in which they may be shared.
struct PrefixHash {
  uint64_t low = 0, high = 0;
  bool operator==(const PrefixHash&) const = default;
};

/// Finds pages by what was computed into them. A page's name is the 128-bit SipHash of its tokens
/// and its predecessor's name, under a key that clients do not know. So two different prefixes do
/// not get one name, even on purpose. Not thread-safe. Uses the pool, which has at most one index.
class PrefixIndex {
 public:
  using Key = std::array<uint64_t, 2>;
  PrefixIndex(PagePool& pool, uint32_t page_size, Key key);
  PrefixIndex(const PrefixIndex&) = delete;
  PrefixIndex& operator=(const PrefixIndex&) = delete;

  static Key random_key();

  /// Where the chain of a cache scope starts.
  PrefixHash start(std::string_view scope) const;
  /// The name of the page that holds `tokens` (page_size of them) after `before`.
  PrefixHash next(PrefixHash before, std::span<const int32_t> tokens) const;

  /// Appends to `lease` (empty at first) the longest chain of known pages with which `tokens`
  /// begin; full pages only. Moves `chain` behind the last of them. Returns how many pages it
  /// found.
  uint32_t find(PrefixHash& chain, std::span<const int32_t> tokens, PageLease& lease) const;

  /// Makes a held page known under its name, unless another page has that name already.
  void insert(PrefixHash name, PageId page);

  size_t size() const { return pages_.size(); }

  /// Checks that index and pool agree. Errors: internal.
  Result<void> audit() const;

 private:
  struct Hasher {
    size_t operator()(const PrefixHash& hash) const { return hash.low; }
  };

  PagePool& pool_;
  const uint32_t page_size_;
  const Key key_;
  std::unordered_map<PrefixHash, PageId, Hasher> pages_;
  std::vector<PrefixHash> names_;  // by page; meaningful where the pool says cached
};

}  // namespace weir::memory
