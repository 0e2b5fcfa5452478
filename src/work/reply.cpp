#include "weir/work/reply.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace weir::work {
namespace {

bool is_end(const Event& event) {
  return std::holds_alternative<Finish>(event) || std::holds_alternative<Error>(event);
}

}  // namespace

/// What lies between the two ends. Its events are bounded by what one request can produce.
class ReplyChannel {
 public:
  explicit ReplyChannel(std::shared_ptr<Doorbell> bell) : bell_(std::move(bell)) {}

  /// Without `rings` nobody at the bell wakes: it is seen with what comes next.
  void push(Event event, bool rings = true) {
    {
      std::lock_guard lock(mutex_);
      if (closed()) return;
      rings = rings && (!waits_for_end_ || is_end(event));
      events_.push_back(std::move(event));
    }
    arrived_.notify_one();
    if (rings && bell_) bell_->ring();
  }

  std::optional<Event> next(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    if (ended_) return std::nullopt;
    // A wait of no time would still sleep for the timer's slack.
    if (limit.count() > 0) arrived_.wait_for(lock, limit, [this] { return !events_.empty(); });
    if (events_.empty()) return std::nullopt;
    std::optional<Event> event = std::move(events_.front());
    events_.pop_front();
    ended_ = is_end(*event);
    return event;
  }

  void wait_for_end() {
    std::lock_guard lock(mutex_);
    waits_for_end_ = true;
  }

  void close() {
    std::lock_guard lock(mutex_);
    closed_.store(true, std::memory_order_release);
    events_.clear();
  }

  bool closed() const { return closed_.load(std::memory_order_acquire); }

 private:
  const std::shared_ptr<Doorbell> bell_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> events_;
  bool ended_ = false, waits_for_end_ = false;
  std::atomic<bool> closed_ = false;  // written under the mutex; read by the step thread without it
};

Reply::Reply(std::shared_ptr<ReplyChannel> channel) : channel_(std::move(channel)) {}

Reply& Reply::operator=(Reply&& other) noexcept {
  if (this != &other) {
    Reply dying(std::move(*this));
    channel_ = std::move(other.channel_);
  }
  return *this;
}

Reply::~Reply() {
  if (channel_)
    fail(Error{.code = Code::internal, .message = "the request was dropped unanswered"});
}

void Reply::start(Started started) {
  if (channel_) channel_->push(started, false);
}

void Reply::push(Token token, bool more) {
  if (channel_) channel_->push(std::move(token), !more);
}

void Reply::push(PromptTokens prompt) {
  if (channel_) channel_->push(std::move(prompt), false);
}

void Reply::push(Readings readings) {
  if (channel_) channel_->push(std::move(readings), false);
}

void Reply::finish(Finish finish) { answer(finish); }

void Reply::fail(Error error) { answer(std::move(error)); }

bool Reply::closed() const { return !channel_ || channel_->closed(); }

void Reply::answer(Event event) {
  if (auto channel = std::exchange(channel_, nullptr)) channel->push(std::move(event));
}

ReplyReader::ReplyReader(std::shared_ptr<ReplyChannel> channel) : channel_(std::move(channel)) {}

ReplyReader& ReplyReader::operator=(ReplyReader&& other) noexcept {
  if (this != &other) {
    close();
    channel_ = std::move(other.channel_);
  }
  return *this;
}

ReplyReader::~ReplyReader() { close(); }

std::optional<Event> ReplyReader::next(std::chrono::milliseconds limit) {
  return channel_ ? channel_->next(limit) : std::nullopt;
}

void ReplyReader::wait_for_end() {
  if (channel_) channel_->wait_for_end();
}

void ReplyReader::close() {
  if (auto channel = std::exchange(channel_, nullptr)) channel->close();
}

std::pair<Reply, ReplyReader> make_reply(std::shared_ptr<Doorbell> bell) {
  auto channel = std::make_shared<ReplyChannel>(std::move(bell));
  return {Reply(channel), ReplyReader(channel)};
}

}  // namespace weir::work
