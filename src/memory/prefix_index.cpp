#include "weir/memory/prefix_index.h"

#include <random>
#include <string>

#include "memory/siphash.h"

namespace weir::memory {

PrefixIndex::PrefixIndex(PagePool& pool, uint32_t page_size, Key key)
    : pool_(pool), page_size_(page_size), key_(key), names_(pool.size()) {
  pages_.reserve(pool.size());
  pool_.on_evict_ = [this](PageId page) { pages_.erase(names_[static_cast<size_t>(page)]); };
}

PrefixIndex::Key PrefixIndex::random_key() {
  std::random_device device;
  auto word = [&] { return (uint64_t{device()} << 32) | device(); };
  return {word(), word()};
}

PrefixHash PrefixIndex::start(std::string_view scope) const {
  const auto hash = SipHash128(key_).finish(std::as_bytes(std::span(scope)));
  return {hash[0], hash[1]};
}

PrefixHash PrefixIndex::next(PrefixHash before, std::span<const int32_t> tokens) const {
  SipHash128 state(key_);
  state.add(before.low);
  state.add(before.high);
  const auto hash = state.finish(std::as_bytes(tokens));
  return {hash[0], hash[1]};
}

uint32_t PrefixIndex::find(PrefixHash& chain, std::span<const int32_t> tokens,
                           PageLease& lease) const {
  uint32_t found = 0;
  for (; tokens.size() >= page_size_; tokens = tokens.subspan(page_size_), ++found) {
    const PrefixHash name = next(chain, tokens.first(page_size_));
    const auto known = pages_.find(name);
    if (known == pages_.end()) break;
    lease.share(known->second);
    chain = name;
  }
  return found;
}

void PrefixIndex::insert(PrefixHash name, PageId page) {
  if (pool_.cached(page) || !pages_.try_emplace(name, page).second) return;
  names_[static_cast<size_t>(page)] = name;
  pool_.cache(page);
}

Result<void> PrefixIndex::audit() const {
  size_t cached = 0;
  for (uint32_t i = 0; i < pool_.size(); ++i) cached += pool_.cached(static_cast<PageId>(i));
  if (cached != pages_.size())
    return Error{.code = Code::internal,
                 .message = std::to_string(cached) +
                            " pages are marked as cached; the index knows " +
                            std::to_string(pages_.size())};
  for (const auto& [name, page] : pages_)
    if (!pool_.cached(page) || names_[static_cast<size_t>(page)] != name)
      return Error{.code = Code::internal,
                   .message = "page " + std::to_string(page) + " is indexed under a wrong name"};
  return {};
}

}  // namespace weir::memory
