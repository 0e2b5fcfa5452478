#include "weir/memory/page_pool.h"

#include <algorithm>
#include <string>
#include <utility>

namespace weir::memory {
namespace {

Error broken(PageId page, const char* belief) {
  return Error{.code = Code::internal, .message = "page " + std::to_string(page) + " " + belief};
}

}  // namespace

PagePool::PagePool(uint32_t pages) : pages_(pages) {
  free_.reserve(pages);
  for (uint32_t i = pages; i-- > 0;) free_.push_back(static_cast<PageId>(i));
}

PageId PagePool::take() {
  PageId page;
  if (!free_.empty()) {
    page = free_.back();
    free_.pop_back();
  } else {
    page = oldest_idle_;
    unlink_idle(page);
    at(page).cached = false;
    on_evict_(page);
  }
  at(page).holders = 1;
  ++held_;
  return page;
}

void PagePool::hold(PageId page) {
  if (at(page).holders == 0) unlink_idle(page);
  ++at(page).holders;
  ++held_;
}

void PagePool::give_back(PageId page) {
  --held_;
  if (--at(page).holders > 0) return;
  if (at(page).cached)
    link_idle(page);
  else
    free_.push_back(page);
}

void PagePool::link_idle(PageId page) {
  at(page).before = newest_idle_;
  at(page).after = -1;
  if (newest_idle_ >= 0)
    at(newest_idle_).after = page;
  else
    oldest_idle_ = page;
  newest_idle_ = page;
  ++idle_;
}

void PagePool::unlink_idle(PageId page) {
  const PageId before = at(page).before, after = at(page).after;
  (before >= 0 ? at(before).after : oldest_idle_) = after;
  (after >= 0 ? at(after).before : newest_idle_) = before;
  --idle_;
}

Result<void> PagePool::audit() const {
  std::vector<bool> seen(pages_.size());
  if (auto free = audit_free(seen); !free) return free;
  if (auto idle = audit_idle(seen); !idle) return idle;
  uint64_t held = 0;
  for (uint32_t i = 0; i < size(); ++i) {
    const PageId page = static_cast<PageId>(i);
    if (seen[i] == (at(page).holders > 0))
      return broken(page, seen[i] ? "is held and free at once" : "is lost");
    held += at(page).holders;
  }
  if (held != held_)
    return Error{.code = Code::internal,
                 .message = "pages count " + std::to_string(held) + " holders; leases hold " +
                            std::to_string(held_)};
  return {};
}

Result<void> PagePool::audit_free(std::vector<bool>& seen) const {
  for (PageId page : free_) {
    if (page < 0 || page >= static_cast<PageId>(size())) return broken(page, "does not exist");
    if (seen[static_cast<size_t>(page)]) return broken(page, "is free twice");
    if (at(page).cached) return broken(page, "is free and cached at once");
    seen[static_cast<size_t>(page)] = true;
  }
  return {};
}

Result<void> PagePool::audit_idle(std::vector<bool>& seen) const {
  uint32_t count = 0;
  PageId before = -1;
  for (PageId page = oldest_idle_; page >= 0; before = page, page = at(page).after) {
    if (seen[static_cast<size_t>(page)]) return broken(page, "is idle twice, or idle and free");
    if (!at(page).cached) return broken(page, "is idle and not cached");
    if (at(page).before != before) return broken(page, "has a wrong neighbour among the idle");
    seen[static_cast<size_t>(page)] = true;
    ++count;
  }
  if (before != newest_idle_) return broken(newest_idle_, "is not the last of the idle");
  if (count != idle_)
    return Error{.code = Code::internal,
                 .message = std::to_string(count) + " pages are idle; the count says " +
                            std::to_string(idle_)};
  return {};
}

PageLease::PageLease(PageLease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      pages_(std::exchange(other.pages_, {})),
      passed_(std::exchange(other.passed_, 0)) {}

PageLease& PageLease::operator=(PageLease&& other) noexcept {
  if (this != &other) {
    drop();
    pool_ = std::exchange(other.pool_, nullptr);
    pages_ = std::exchange(other.pages_, {});
    passed_ = std::exchange(other.passed_, 0);
  }
  return *this;
}

bool PageLease::grow_to(uint32_t pages) {
  if (pages <= size()) return true;
  if (!pool_ || pages - size() > pool_->available()) return false;
  while (size() < pages) pages_.push_back(pool_->take());
  return true;
}

void PageLease::share(PageId page) {
  pool_->hold(page);
  pages_.push_back(page);
}

PageLease PageLease::fork(uint32_t pages) const {
  const uint32_t count = std::min(pages, size());
  PageLease twin;
  twin.pool_ = pool_;
  twin.pages_.reserve(pages_.capacity());
  twin.passed_ = std::min(passed_, count);
  twin.pages_.assign(twin.passed_, -1);
  for (uint32_t i = twin.passed_; i < count; ++i) twin.share(pages_[i]);
  return twin;
}

void PageLease::pass(uint32_t index) {
  const uint32_t first = passed_;
  passed_ = std::max(first, std::min(index, size()));
  for (uint32_t i = passed_; i-- > first;) pool_->give_back(std::exchange(pages_[i], -1));
}

Result<std::optional<PageId>> PageLease::own(uint32_t index) {
  const PageId shared = pages_[index];
  if (pool_->holders(shared) == 1 && !pool_->cached(shared)) return std::optional<PageId>();
  if (pool_->available() == 0)
    return Error{.code = Code::overloaded,
                 .message = "no page is free; the cache has " + std::to_string(pool_->size())};
  pages_[index] = pool_->take();
  pool_->give_back(shared);
  return std::optional<PageId>(shared);
}

std::vector<PageId> PageLease::drop() {
  for (size_t i = pages_.size(); i-- > passed_;) pool_->give_back(pages_[i]);
  passed_ = 0;
  return std::exchange(pages_, {});
}

}  // namespace weir::memory
