#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/clock.h"
#include "weir/base/doorbell.h"
#include "weir/base/result.h"
#include "weir/serve/answer.h"

namespace weir::serve {

/// The place of a request that has not begun: in line at the gate (for its limits), or in its
/// model's queue.
struct PlaceInLine {
  enum class Which : uint8_t { gate, queue } line = Which::gate;
  size_t place = 0;                   // 1: next
  std::chrono::milliseconds wait{0};  // predicted, until its first row
};

/// The tokens that a model reads before it draws the first one.
struct PromptTokens {
  std::vector<int32_t> ids;               // of an encoder-decoder: those that the encoder reads
  std::vector<int32_t> decoder_ids = {};  // of an encoder-decoder only: the start token, and more

  size_t size() const { return ids.size() + decoder_ids.size(); }
  bool operator==(const PromptTokens&) const = default;
};
using Prompts = std::vector<PromptTokens>;

/// Tells a caller that does not wait in next() when to call it again.
struct Wake {
  std::shared_ptr<Doorbell> bell;  // rung for each piece, end or failure
  std::optional<TimePoint> until;  // also at this time, even if no bell rings
};

/// A request that was accepted and waits or runs. It gives one or more choices of a text piece by
/// piece, or the answers of a task that does not generate as one piece. Used by one thread at a
/// time. The destructor leaves the line or cancels what still runs, and settles what was used.
class Generation {
 public:
  virtual ~Generation() = default;
  virtual const std::string& model() const = 0;  // the served name
  /// The prompt's tokens of each choice. A task that does not generate has one empty prompt.
  virtual const Prompts& prompts() const = 0;
  /// Waits at most `limit` for the next piece of any choice. nullopt: none came. An Error ends the
  /// whole generation.
  virtual Result<std::optional<Delta>> next(std::chrono::milliseconds limit) = 0;
  /// The caller wants no piece before the end. Pieces can still come earlier, but need not wake it.
  virtual void wait_for_end() {}
  /// When to call next() again. nullopt: the caller has to wait in next().
  virtual std::optional<Wake> wake() const { return std::nullopt; }
  virtual bool done() const = 0;                      // every choice has ended
  virtual std::optional<PlaceInLine> standing() = 0;  // nullopt: no part of it waits to begin
  virtual Usage usage() const = 0;                    // so far; exact when done
};

/// Waits for the answers of a task that does not generate. `gone` may be null. Errors: the
/// generation's; cancelled.
Result<std::shared_ptr<const Answers>> wait_for_answers(Generation& generation,
                                                        const std::function<bool()>& gone);

}  // namespace weir::serve
