#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "weir/base/result.h"
#include "weir/memory/page_pool.h"
#include "weir/memory/prefix_index.h"
#include "weir/memory/slot_pool.h"
#include "weir/schedule/options.h"
#include "weir/schedule/plan.h"
#include "weir/schedule/sequence.h"

namespace weir::schedule {

/// The books of one model's memory: any set of pages and slots, asked and given back as one. Pages
/// of sources and of decoders come from one pool, so no split between them lets one starve.
///
/// Where the model has a window, a sequence gives the pages behind it back, and takes pages for its
/// prompt chunk by chunk. While it reads its prompt it holds at most half of the pages that are not
/// its source's, or as many as a window can touch if those are more. So a sequence may be longer
/// than the pool, and others find memory beside it. Step thread only.
class ModelMemory {
 public:
  /// A prefix index is kept only where pages alone determine what follows, and nobody needs what
  /// was computed of the prefix itself: chunked prompts of generating models with pages and nothing
  /// else.
  ModelMemory(const ModelSpec& spec, const SchedulerOptions& options);

  /// Could `sequence` ever run, alone? A sequence that passes always ends if it runs alone. Errors:
  /// invalid_argument, with both numbers.
  Result<void> check_fits(const Sequence& sequence) const;

  /// All that the source and the known tokens of `sequence` need, leaving `reserve` pages; false,
  /// and nothing held, if there is not enough. With a window: as many pages as it will hold are
  /// there, none is taken. Returns with `planned` behind what was found in the prefix index.
  bool admit(Sequence& sequence, uint32_t reserve);

  /// Gives back the pages that no row from `planned` on sees.
  void pass(Sequence& sequence);

  /// Room for the positions before `end`, in pages that are its own; false if there is not enough.
  bool grow(Sequence& sequence, uint32_t end);

  /// Room for tokens of a prompt from position `from` on, `tokens` at most. Returns for how many.
  uint32_t grow_within(Sequence& sequence, uint32_t from, uint32_t tokens);

  /// Pages that `sequence`, which runs, will hold beside those that it holds, until its known
  /// tokens are computed.
  uint32_t owed(const Sequence& sequence) const;

  /// The positions before `end` are computed and their tokens known: full pages may be shared from
  /// now on.
  void computed(Sequence& sequence, uint32_t end);

  /// What `sequence` holds of the positions before `end` and of its source, a second time. Whoever
  /// gets it has its first row behind the rows of `sequence` so far, and `shares_page` set: the
  /// page that `end` lies in is copied before it is written to, see grow().
  Holdings fork(const Sequence& sequence, uint32_t end) const;

  /// Copies that rows which were given room need; none is left here.
  std::vector<PageCopy> take_copies();

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
  uint32_t most_held(const Sequence& sequence) const;
  bool take_all(Sequence& sequence, uint32_t reserve);
  bool own_page(Sequence& sequence);

  const ModelSpec spec_;
  const uint32_t window_;  // 0: no sequence is longer
  const uint32_t chunk_;   // of a prompt, in tokens
  memory::PagePool pages_;
  memory::SlotPool slots_;
  std::unique_ptr<memory::PrefixIndex> index_;
  std::vector<PageCopy> copies_;
  memory::PageLease copied_;  // the sources of copies_, so that no copy goes to one of them
};

}  // namespace weir::schedule
