#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "weir/base/result.h"
#include "weir/memory/page_pool.h"
#include "weir/memory/prefix_index.h"
#include "weir/memory/slot_pool.h"
#include "weir/schedule/plan.h"
#include "weir/schedule/sequence.h"

namespace weir::schedule {

/// The books of one model's memory: any set of pages and slots, asked and given back as one. Pages
/// of sources and of decoders come from one pool, so no split between them lets one starve. Step
/// thread only.
class ModelMemory {
 public:
  /// A prefix index is kept only where pages alone determine what follows, and nobody needs what
  /// was computed of the prefix itself: chunked prompts of generating models with pages and nothing
  /// else.
  ModelMemory(const ModelSpec& spec, bool prefix_cache);

  /// Could `sequence` ever run, alone? Errors: invalid_argument, with both numbers.
  Result<void> check_fits(const Sequence& sequence) const;

  /// All that the source and the known tokens of `sequence` need, leaving `reserve` pages; false,
  /// and nothing held, if there is not enough. Returns with `planned` behind what was found in the
  /// prefix index.
  bool admit(Sequence& sequence, uint32_t reserve);

  /// Room for the positions before `end`; false if there is not enough.
  bool grow(Sequence& sequence, uint32_t end);

  /// The positions before `end` are computed and their tokens known: full pages may be shared from
  /// now on.
  void computed(Sequence& sequence, uint32_t end);

  /// Gives all back. The numbers of the pages are moved to `kept`, for rows in flight that point to
  /// them.
  void release(Sequence& sequence, std::vector<std::vector<PageId>>& kept);

  bool caches_prefixes() const { return index_ != nullptr; }
  double usage() const;  // 0 to 1: pages held by sequences
  Result<void> audit() const;
  bool whole() const;  // nobody holds anything

 private:
  uint32_t pages_for(uint32_t end) const;  // of a sequence's own
  uint32_t source_pages_for(const Sequence& sequence) const;
  bool take_all(Sequence& sequence, uint32_t reserve);

  const ModelSpec spec_;
  memory::PagePool pages_;
  memory::SlotPool slots_;
  std::unique_ptr<memory::PrefixIndex> index_;
};

}  // namespace weir::schedule
