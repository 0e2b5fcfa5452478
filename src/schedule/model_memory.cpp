#include "schedule/model_memory.h"

#include <algorithm>
#include <string>
#include <utility>

namespace weir::schedule {
namespace {

uint32_t pages_of(uint32_t tokens, uint32_t page_size) {
  return (tokens + page_size - 1) / page_size;
}

Error never_fits(const Sequence& sequence, uint32_t needed, uint32_t has) {
  const std::string what = sequence.source_tokens() > 0 ? "source, prompt and completion need "
                                                        : "prompt and completion need ";
  return invalid(what + std::to_string(needed) + " pages; this model's cache has " +
                 std::to_string(has));
}

bool shares_prefixes(const ModelSpec& spec) {
  return spec.prompt == Prompt::chunked && spec.generates() && spec.memory.pages &&
         !spec.memory.source && !spec.memory.slot;
}

}  // namespace

ModelMemory::ModelMemory(const ModelSpec& spec, const SchedulerOptions& options)
    : spec_(spec),
      window_(spec.window < spec.max_tokens ? spec.window : 0),
      chunk_(options.max_chunk_tokens),
      pages_(spec.memory.pages ? spec.pages : 0),
      slots_(spec.memory.slot ? spec.slots : 0),
      copied_(pages_) {
  if (options.prefix_cache && shares_prefixes(spec))
    index_ = std::make_unique<memory::PrefixIndex>(pages_, spec.page_size,
                                                   memory::PrefixIndex::random_key());
}

Result<void> ModelMemory::check_fits(const Sequence& sequence) const {
  if (!spec_.memory.pages) return {};
  const auto own = static_cast<uint32_t>(spec_.least_pages(sequence.positions_needed()));
  const auto* sampling = sequence.sampling();
  const uint32_t beams = sampling && sampling->beams ? sampling->beams->beams : 0;
  // Of beams each may come to have pages of its own, and one to copy from.
  const uint32_t pages = (beams > 0 ? beams * (own + 1) : own) + source_pages_for(sequence);
  if (pages > pages_.size()) return never_fits(sequence, pages, pages_.size());
  return {};
}

bool ModelMemory::admit(Sequence& sequence, uint32_t reserve) {
  Holdings& held = sequence.holdings;
  held.pages = memory::PageLease(pages_);
  held.source_pages = memory::PageLease(pages_);
  held.pages.reserve(pages_for(sequence.positions_needed()));
  held.indexed = 0;
  if (index_) {
    held.chain = index_->start(sequence.request.cache_scope);
    // The last token's logits are wanted, of a prompt that is scored those of each token, and a
    // head that reads wants all hidden states.
    const size_t reusable = !sequence.generates()     ? 0
                            : sequence.unscored() > 0 ? sequence.scored
                                                      : sequence.tokens.size() - 1;
    held.indexed = index_->find(
        held.chain, std::span<const int32_t>(sequence.tokens).first(reusable), held.pages);
  }
  sequence.planned = held.indexed * spec_.page_size;
  pass(sequence);
  if (take_all(sequence, reserve)) return true;
  held = Holdings();
  sequence.planned = 0;
  return false;
}

bool ModelMemory::take_all(Sequence& sequence, uint32_t reserve) {
  Holdings& held = sequence.holdings;
  const uint32_t pages = pages_for(sequence.total()), source = source_pages_for(sequence);
  const uint32_t own = window_ > 0 ? owed(sequence) : pages - held.pages.size();
  if (own + source + (spec_.memory.pages ? reserve : 0) > pages_.available()) return false;
  if (window_ == 0 && !held.pages.grow_to(pages)) return false;
  if (!held.source_pages.grow_to(source)) return false;
  if (!spec_.memory.slot) return true;
  auto slot = slots_.take();
  if (!slot) return false;
  held.slot = std::move(*slot);
  return true;
}

void ModelMemory::pass(Sequence& sequence) {
  if (window_ == 0 || sequence.planned < window_) return;
  sequence.holdings.pages.pass((sequence.planned - window_ + 1) / spec_.page_size);
}

bool ModelMemory::grow(Sequence& sequence, uint32_t end) {
  return own_page(sequence) && sequence.holdings.pages.grow_to(pages_for(end));
}

bool ModelMemory::own_page(Sequence& sequence) {
  if (!sequence.shares_page) return true;
  memory::PageLease& pages = sequence.holdings.pages;
  const uint32_t index = sequence.planned / spec_.page_size;
  if (index < pages.size()) {
    const auto from = pages.own(index);
    if (!from) return false;
    if (*from) {
      copies_.push_back({.from = **from, .to = pages.pages()[index], .id = sequence.id});
      copied_.share(**from);
    }
  }
  sequence.shares_page = false;
  return true;
}

Holdings ModelMemory::fork(const Sequence& sequence, uint32_t end) const {
  const Holdings& from = sequence.holdings;
  return {.pages = from.pages.fork(pages_for(end)),
          .source_pages = from.source_pages.fork(),
          .slot = {},
          .chain = from.chain,
          .indexed = from.indexed};
}

std::vector<PageCopy> ModelMemory::take_copies() {
  copied_.drop();
  return std::exchange(copies_, {});
}

uint32_t ModelMemory::grow_within(Sequence& sequence, uint32_t from, uint32_t tokens) {
  if (window_ == 0) return tokens;
  memory::PageLease& pages = sequence.holdings.pages;
  const uint32_t most =
      std::min(pages.passed() + most_held(sequence), pages.size() + pages_.available());
  pages.grow_to(std::min(pages_for(from + tokens), most));
  return std::min(tokens, pages.size() * spec_.page_size - from);
}

uint32_t ModelMemory::owed(const Sequence& sequence) const {
  if (window_ == 0) return 0;
  const memory::PageLease& pages = sequence.holdings.pages;
  const uint32_t all = pages_for(sequence.total()) - pages.passed();
  const uint32_t held = std::min(all, most_held(sequence));
  return held - std::min(held, pages.held());
}

void ModelMemory::computed(Sequence& sequence, uint32_t end) {
  if (!index_) return;
  Holdings& held = sequence.holdings;
  // A page that was passed before it was known: those behind it would never be found.
  if (held.pages.passed() > held.indexed) return;
  end = std::min(end, static_cast<uint32_t>(sequence.tokens.size()));
  for (uint32_t from = held.indexed * spec_.page_size; from + spec_.page_size <= end;
       from += spec_.page_size, ++held.indexed) {
    held.chain = index_->next(
        held.chain, std::span<const int32_t>(sequence.tokens).subspan(from, spec_.page_size));
    index_->insert(held.chain, held.pages.pages()[held.indexed]);
  }
}

void ModelMemory::release(Sequence& sequence, std::vector<std::vector<PageId>>& kept) {
  for (memory::PageLease* lease : {&sequence.holdings.pages, &sequence.holdings.source_pages})
    if (lease->size() > 0) kept.push_back(lease->drop());
  sequence.holdings = Holdings();
  sequence.shares_page = sequence.source_read = false;
  std::erase_if(copies_, [&](const PageCopy& copy) { return copy.id == sequence.id; });
  if (copies_.empty()) copied_.drop();
}

uint32_t ModelMemory::pages_for(uint32_t end) const {
  return spec_.memory.pages ? pages_of(end, spec_.page_size) : 0;
}

uint32_t ModelMemory::source_pages_for(const Sequence& sequence) const {
  return spec_.memory.source ? pages_of(sequence.source_tokens(), spec_.page_size) : 0;
}

/// A page for the next token is among them, so that a sequence that runs alone always moves.
uint32_t ModelMemory::most_held(const Sequence& sequence) const {
  const uint64_t half = (pages_.size() - source_pages_for(sequence)) / 2;
  const uint64_t wanted = spec_.pages_touched(uint64_t{window_} - 1 + chunk_);
  return static_cast<uint32_t>(std::max(spec_.pages_touched(window_), std::min(wanted, half)));
}

double ModelMemory::usage() const {
  return pages_.size() ? 1.0 - static_cast<double>(pages_.available()) / pages_.size() : 0;
}

Result<void> ModelMemory::audit() const {
  if (auto books = pages_.audit(); !books) return books;
  if (auto books = slots_.audit(); !books) return books;
  return index_ ? index_->audit() : Result<void>();
}

bool ModelMemory::whole() const {
  return pages_.available() == pages_.size() && slots_.available() == slots_.size();
}

}  // namespace weir::schedule
