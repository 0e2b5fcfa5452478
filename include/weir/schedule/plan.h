#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "weir/work/output.h"
#include "weir/work/request.h"

namespace weir::schedule {

using SequenceId = uint64_t;
using PageId = int32_t;
using SlotId = int32_t;

enum class Prompt : uint8_t { chunked, whole };  // may a prompt be split across steps?

/// What a sequence holds between steps: a set; all false for encoders.
struct Memory {
  bool pages = false;   // of its own tokens
  bool source = false;  // pages of what an encoder read for its decoder, once; with `pages` only
  bool slot = false;    // a state of fixed size
};

/// One of a model's heads: it draws tokens, or it reads a prompt and gives numbers.
struct HeadSpec {
  bool draws = false;
  bool by_token = false;  // of one that reads: a line for each token asked for, not for the prompt
};

/// All that the scheduler knows of a model.
struct ModelSpec {
  Prompt prompt = Prompt::chunked;
  Memory memory;
  std::vector<HeadSpec> heads = {HeadSpec{.draws = true}};  // only the first may draw
  uint32_t vocabulary = 0;        // rows of the embedding table: ids below it
  uint32_t token_types = 1;       // of a prompt's tokens: types below it
  uint32_t max_tokens = 0;        // prompt and completion of one sequence
  uint32_t max_source = 0;        // tokens that the encoder of an encoder-decoder takes
  uint32_t window = 0;            // positions that a token attends to in every layer: the latest,
                                  // its own with them; 0: all
  uint32_t page_size = 16;        // tokens a page, where memory has pages
  uint32_t pages = 0, slots = 0;  // how many there are; source pages are some of `pages`
  uint32_t attention_span = 0;  // positions to which attention costs a token as much as its matrix
                                // products; 0: attention costs nothing to speak of

  bool generates() const { return std::ranges::any_of(heads, &HeadSpec::draws); }
  /// Pages without which a sequence of so many positions never ends: all that it fills, or those
  /// that a window can touch.
  uint64_t least_pages(uint64_t positions) const {
    const uint64_t all = (positions + page_size - 1) / page_size;
    return window > 0 ? std::min(all, pages_touched(window)) : all;
  }
  /// Pages that so many positions in a row touch at most.
  uint64_t pages_touched(uint64_t positions) const {
    return (positions + page_size - 2) / page_size + 1;
  }
  /// Tokens of the longest step where `wanted` are asked for. A whole prompt must fit one; the
  /// longest source, too, with some tokens beside it: a step whose rows decode takes one as well.
  uint32_t step_tokens(uint32_t wanted) const {
    constexpr uint32_t kBesideSource = 256;
    const uint32_t whole = prompt == Prompt::whole ? max_tokens : 0;
    const uint32_t source = memory.source ? max_source + std::min(wanted, kBesideSource) : 0;
    return std::max({wanted, whole, source});
  }
};

/// One sequence's share of a step. `tokens`, positions and `pages` are the decoder's where there is
/// an encoder. The row with `first` 0 begins the sequence, or begins it anew after it was
/// preempted: that row clears the slot, and has the whole `source`, whose keys and values the
/// encoder writes to `source_pages` before the decoder reads them. Later rows only read those, and
/// so do those of a sequence that shares them with the one whose row had the source.
///
/// The page of position p is pages[p / page_size]. Where the model has a window, the pages that no
/// token of this row or of a later one sees are given back: they are -1, and may be another row's.
struct Row {
  SequenceId id = 0;
  std::span<const int32_t> tokens;  // to compute now; empty: the last sampled, still on the device
  uint32_t first = 0;               // position of the first of them
  uint32_t drawn = 0;               // tokens of the completion so far: the index of the next draw
  std::span<const PageId> pages, source_pages;
  SlotId slot = -1;
  const work::TaskParams* params = nullptr;
  bool wants_output = false;
  uint32_t drafts = 0;  // the last of `tokens` are guesses of what is drawn; at depth 0 only
  std::span<const int32_t> text = {};    // prompt and completion before the draw; where the
  uint32_t prompt_tokens = 0;            // parameters read the history
  std::span<const int32_t> scored = {};  // tokens of the prompt that follow those of `tokens`
  uint32_t score_from = 0;               // from this one on, and whose logprobs are wanted
  std::span<const uint8_t> types = {};   // of the first of `tokens`; those behind are of type 0
  std::span<const int32_t> source = {};  // to encode in this step; empty if that is done
  uint32_t source_tokens = 0;            // positions of source_pages that are in use, in every row
};

/// For the sequence that will write to its own page `to`.
struct PageCopy {
  PageId from, to;
  SequenceId id = 0;
};

/// The rows of one step. Spans point into sequences that live at least until the step is collected;
/// what they hold stays the same, but for pages that become -1 once the step is launched, since
/// rows that are launched later do not see them.
struct StepPlan {
  std::vector<Row> rows;
  /// Done before the rows. No page is both the source of one and the target of another, and none is
  /// the target of two.
  std::vector<PageCopy> copies;
  uint32_t tokens = 0;  // of all rows, with their sources
};

/// Runs plans on one device. Implemented by `engine`, faked in tests. Used by the step thread only.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual const ModelSpec& spec() const = 0;
  /// Steps in flight: 1 on CUDA; 0 on the CPU, where launch computes.
  virtual int depth() const = 0;
  /// Returns once the work is queued. An Error concerns the whole step.
  virtual Result<void> launch(const StepPlan& plan) = 0;
  /// The oldest step in flight, in row order: for each row a Token for each that is scored; then
  /// one Output, and one more for each of its drafts: what follows the token before the first of
  /// them, then what follows each of them. An Error is that row's alone.
  virtual Result<std::vector<work::Output>> collect() = 0;
  /// Why every further call fails until the process is started anew; none while it works. Changes
  /// in launch and collect only. A lost runner is never destroyed: what it holds cannot be freed.
  virtual std::optional<Error> lost() const { return std::nullopt; }
};

}  // namespace weir::schedule
