#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "weir/base/result.h"

/// The accounting of a model's memory, never its tensors.
namespace weir::memory {

using PageId = int32_t;

/// Which lease holds which page. A page is free, held (by one lease or several), or idle: cached by
/// a PrefixIndex and held by no lease. An idle page can be found by its content until it is
/// evicted; the page that was held least recently is evicted first, and only when no page is free.
/// Not thread-safe. Outlives its leases and its index.
class PagePool {
 public:
  explicit PagePool(uint32_t pages);
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  uint32_t size() const { return static_cast<uint32_t>(pages_.size()); }
  /// Pages that a lease could take now: free ones and idle ones.
  uint32_t available() const { return static_cast<uint32_t>(free_.size()) + idle_; }
  uint32_t idle() const { return idle_; }
  bool cached(PageId page) const { return at(page).cached; }
  uint32_t holders(PageId page) const { return at(page).holders; }

  /// The pool checks its own books. Errors: internal, saying what is wrong.
  Result<void> audit() const;

 private:
  friend class PageLease;
  friend class PrefixIndex;

  struct Page {
    uint32_t holders = 0;
    bool cached = false;
    PageId before = -1, after = -1;  // neighbours in the list of idle pages
  };

  Page& at(PageId page) { return pages_[static_cast<size_t>(page)]; }
  const Page& at(PageId page) const { return pages_[static_cast<size_t>(page)]; }

  PageId take();  // REQUIRES: available() > 0
  void hold(PageId page);
  void give_back(PageId page);
  void cache(PageId page) { at(page).cached = true; }
  void link_idle(PageId page);
  void unlink_idle(PageId page);
  Result<void> audit_free(std::vector<bool>& seen) const;
  Result<void> audit_idle(std::vector<bool>& seen) const;

  std::vector<Page> pages_;
  std::vector<PageId> free_;
  PageId oldest_idle_ = -1, newest_idle_ = -1;
  uint32_t idle_ = 0;
  uint64_t held_ = 0;                     // pages of all leases, counted once per lease
  std::function<void(PageId)> on_evict_;  // the index forgets the page
};

/// The right to some pages, in the order of their positions. Pages from the first on may be given
/// back while the others are kept; their entries in pages() are -1 from then on. Gives all back
/// when it dies. Move-only.
class PageLease {
 public:
  PageLease() = default;
  explicit PageLease(PagePool& pool) : pool_(&pool) {}
  PageLease(PageLease&& other) noexcept;
  PageLease& operator=(PageLease&& other) noexcept;
  ~PageLease() { drop(); }

  /// Takes pages until the lease has `pages`. False, and nothing is taken, if there are not enough.
  bool grow_to(uint32_t pages);
  /// Appends a page that another lease holds, or that is cached.
  void share(PageId page);
  /// A second lease on the first `pages` of the same pages, or on all.
  PageLease fork(uint32_t pages = UINT32_MAX) const;
  /// Gives the pages before `index` back, the last first.
  void pass(uint32_t index);
  /// Makes page `index` (not passed) this lease's alone, before it is written. The value is the
  /// page whose content has to be copied into it; none if no copy is needed. Errors: overloaded
  /// when no page is left.
  Result<std::optional<PageId>> own(uint32_t index);
  /// Gives all pages back, the last first, and returns what pages() was.
  std::vector<PageId> drop();

  /// Room for so many pages, so that pages() keeps its place while it grows.
  void reserve(uint32_t pages) { pages_.reserve(pages); }
  std::span<const PageId> pages() const { return pages_; }
  uint32_t size() const { return static_cast<uint32_t>(pages_.size()); }  // of pages()
  uint32_t passed() const { return passed_; }
  uint32_t held() const { return size() - passed_; }

 private:
  PagePool* pool_ = nullptr;
  std::vector<PageId> pages_;
  uint32_t passed_ = 0;
};

}  // namespace weir::memory
