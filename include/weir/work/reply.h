#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "weir/base/doorbell.h"
#include "weir/work/output.h"

namespace weir::work {

class ReplyChannel;

/// The producer's end of a request's answer. Move-only, used by one thread at a time. A Reply that
/// dies without Finish or Error answers Code::internal. Pushing never blocks: the channel holds all
/// that a request can produce. After finish() or fail(), and when default-made, a Reply is spent:
/// pushing does nothing.
class Reply {
 public:
  Reply() = default;
  explicit Reply(std::shared_ptr<ReplyChannel> channel);
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&& other) noexcept;
  ~Reply();

  void start(Started started);
  /// `more`: another event follows at once, and rings the bell in place of this one.
  void push(Token token, bool more = false);
  void push(PromptTokens prompt);
  void push(Readings readings);
  void finish(Finish finish);
  void fail(Error error);
  /// The reader is gone, or this Reply is spent: nothing more need be computed for it.
  bool closed() const;

 private:
  void answer(Event event);
  std::shared_ptr<ReplyChannel> channel_;
};

/// The consumer's end. Move-only. Closed when it dies: the request gets no further row, and soon no
/// place in the line.
class ReplyReader {
 public:
  ReplyReader() = default;
  explicit ReplyReader(std::shared_ptr<ReplyChannel> channel);
  ReplyReader(ReplyReader&&) noexcept = default;
  ReplyReader& operator=(ReplyReader&& other) noexcept;
  ~ReplyReader();

  /// The next event; empty when `limit` passed without one (0: looks and returns). After Finish or
  /// Error nothing more comes, and the call returns at once.
  std::optional<Event> next(std::chrono::milliseconds limit);
  /// From now on the bell rings only for Finish and Error: a reader that wants the whole answer is
  /// not woken for each of its tokens.
  void wait_for_end();
  void close();

 private:
  std::shared_ptr<ReplyChannel> channel_;
};

/// `bell`, if any, is rung after each event except: Started and PromptTokens, which are not urgent;
/// Readings, which Finish follows at once; Tokens pushed with `more`; all but the end, if the
/// reader waits for the end. A reader of several replies waits on one bell and then looks at each
/// with next(0ms).
std::pair<Reply, ReplyReader> make_reply(std::shared_ptr<Doorbell> bell = nullptr);

}  // namespace weir::work
