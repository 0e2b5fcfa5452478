#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "weir/memory/page_pool.h"
#include "weir/memory/prefix_index.h"
#include "weir/memory/slot_pool.h"
#include "weir/schedule/drafts.h"
#include "weir/schedule/plan.h"
#include "weir/work/request.h"

namespace weir::schedule {

/// What a sequence holds of its model's memory.
struct Holdings {
  memory::PageLease pages, source_pages;
  memory::SlotLease slot;
  memory::PrefixHash chain;  // name of the last page known to the prefix index
  uint32_t indexed = 0;      // pages known to it
};

struct ClientShare;

class BeamSearch;
struct Sequence;

/// The sequences of one request, that have a common prompt.
struct Group {
  SequenceId first = 0;  // computed the prompt
  uint32_t alive = 0;

  // Of a beam search.
  std::shared_ptr<BeamSearch> search;  // null: each member is a completion of its own
  std::vector<work::Reply> replies;    // of the texts that are returned; those of members are spent
  std::vector<Sequence*> members;      // of the beams that run, in their order
  bool broken = false;                 // a member lost its memory: the search begins anew
};

/// The scheduler's record of a request. Owned by the scheduler; policies read it.
///
/// "Position" counts prompt and completion from 0; an encoder-decoder's source is apart. Planned
/// positions are those handed to the runner; a token sampled by a step that is not collected yet
/// exists, but its value does not.
struct Sequence {
  enum class State : uint8_t { waiting, running, ended };

  SequenceId id = 0;  // in order of arrival
  work::Request request;
  std::vector<int32_t> tokens;  // prompt, and what is known of the completion
  uint32_t prompt_tokens = 0;
  uint32_t limit = 0;  // tokens of the completion at most; 0: it reads, and draws none
  State state = State::waiting;

  uint32_t planned = 0;            // positions
  uint32_t unsettled_rows = 0;     // rows in flight
  uint32_t unsettled_outputs = 0;  // tokens in flight

  uint32_t scored = 0;  // tokens of the prompt after the first whose logprobs were told

  uint32_t allotted = 0;  // prompt tokens of the step that is being planned
  Drafts drafts;

  Holdings holdings;
  std::shared_ptr<Group> group;  // null: it is alone
  bool shares_page = false;      // the page of its next position may be another's, too
  bool source_read = false;      // what it holds of a source was encoded by another's row
  uint32_t unborn = 0;           // members that will be born when its prompt is computed
  std::vector<std::pair<int32_t, float>> likely;  // of a beam: what may follow; empty: not known

  // The policy's.
  ClientShare* share = nullptr;  // of its client
  double rank = 0;               // among those that run; smaller first
  bool charged = false;          // its prompt is
  // The waiting room's.
  size_t place = 0;

  uint32_t cached_tokens = 0;
  std::optional<TimePoint> first_row, first_token;

  const work::SamplingParams* sampling() const {
    return std::get_if<work::SamplingParams>(&request.params);
  }
  /// Tokens of the prompt whose logprobs are wanted and not told yet.
  uint32_t unscored() const {
    return sampling() && sampling()->prompt_logprobs ? prompt_tokens - 1 - scored : 0;
  }
  uint32_t source_tokens() const { return static_cast<uint32_t>(request.source.size()); }
  /// What it reads before it draws.
  uint32_t input_tokens() const { return source_tokens() + prompt_tokens; }
  /// Tokens of the source that its next row has to encode: all of them, or none.
  uint32_t source_ahead() const {
    return planned + allotted == 0 && !source_read ? source_tokens() : 0;
  }
  bool is_beam() const { return group && group->search; }
  /// Its next row needs the token that its last row gives.
  bool waits_for_output() const { return unsettled_outputs > 0 && (reads_history() || is_beam()); }
  bool reads_history() const { return sampling() && sampling()->reads_history(); }
  bool generates() const { return limit > 0; }
  bool started() const { return first_row.has_value(); }
  uint32_t total() const { return static_cast<uint32_t>(tokens.size()) + unsettled_outputs; }
  uint32_t completion() const { return total() - prompt_tokens; }
  /// Positions that can be planned now.
  uint32_t pending() const { return generates() && completion() >= limit ? 0 : total() - planned; }
  bool decoding() const { return completion() > 0 && pending() == 1; }
  /// Positions that are ever computed: the last token of a completion is not.
  uint32_t positions_needed() const {
    return generates() ? prompt_tokens + limit - 1 : prompt_tokens;
  }
};

}  // namespace weir::schedule
