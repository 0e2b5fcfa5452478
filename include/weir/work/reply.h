#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "weir/work/output.h"

namespace weir::work {

class ReplyChannel;

/// The producer's end of a request's answer. Move-only, used by one thread at a time. A Reply that dies without
/// Finish or Error answers Code::internal. Pushing never blocks: the channel holds all that a request can produce.
class Reply {
 public:
  Reply() = default;
  explicit Reply(std::shared_ptr<ReplyChannel> channel);
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&& other) noexcept;
  ~Reply();

  void push(Token token);
  void push(Vector vector);
  void finish(Finish finish);
  void fail(Error error);
  /// The reader is gone: whatever is still computed for it is waste.
  bool closed() const;

 private:
  void answer(Event event);
  std::shared_ptr<ReplyChannel> channel_;
};

/// The consumer's end. Move-only; closes at death, which cancels the request within one step.
class ReplyReader {
 public:
  ReplyReader() = default;
  explicit ReplyReader(std::shared_ptr<ReplyChannel> channel);
  ReplyReader(ReplyReader&&) noexcept = default;
  ReplyReader& operator=(ReplyReader&& other) noexcept;
  ~ReplyReader();

  /// The next event; empty when `limit` passed without one. After Finish or Error nothing more comes.
  std::optional<Event> next(std::chrono::milliseconds limit);
  void close();

 private:
  std::shared_ptr<ReplyChannel> channel_;
};

std::pair<Reply, ReplyReader> make_reply();

}  // namespace weir::work
