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

/// The place of a request that has not begun: in line for its limits, or in its model's queue.
struct Standing {
  enum class Line : uint8_t { gate, queue } line = Line::gate;
  size_t place = 0;                   // 1: next
  std::chrono::milliseconds wait{0};  // to its first row, as predicted
};

/// When a generation has something new, for a caller that does not want to wait in next().
struct Wake {
  std::shared_ptr<Doorbell> bell;  // rung for each piece, end or failure
  std::optional<TimePoint> until;  // and at this time, though no bell rings
};

/// A request that was accepted, waiting or running: one or more choices of a text, or the answers
/// of a task that does not generate, which come as one piece. Used by one thread at a time. Its
/// death leaves the line or cancels what still runs, and settles what was used.
class Generation {
 public:
  virtual ~Generation() = default;
  virtual const std::string& model() const = 0;  // the served name
  /// One a choice. Of a task that does not generate: one, empty.
  virtual const std::vector<std::vector<int32_t>>& prompts() const = 0;
  /// The next piece of any choice. nullopt inside: `limit` passed. An Error ends the whole
  /// generation.
  virtual Result<std::optional<Delta>> next(std::chrono::milliseconds limit) = 0;
  /// nullopt: only next() tells.
  virtual std::optional<Wake> wake() const { return std::nullopt; }
  virtual bool done() const = 0;                   // every choice has ended
  virtual std::optional<Standing> standing() = 0;  // nullopt: nothing of it waits to begin
  virtual Usage usage() const = 0;                 // so far; exact when done
};

/// Waits for the answers of a task that does not generate. `gone` may be null. Errors: the
/// generation's; cancelled.
Result<std::shared_ptr<const Answers>> wait_for_answers(Generation& generation,
                                                        const std::function<bool()>& gone);

}  // namespace weir::serve
