#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admission.h"
#include "stop_strings.h"
#include "weir/base/clock.h"
#include "weir/serve/served_model.h"
#include "weir/serve/service.h"
#include "weir/work/request.h"

namespace weir::serve {

/// Turns the events of one completion's reader into pieces of text. Used by one thread.
class Choice {
 public:
  struct Setup {
    uint32_t index = 0;
    const RequestRow& row;  // with SamplingParams
    bool branch = false;    // the first of the row's choices has the usage of the prompt
    const TextSide& text;
    const Sampling& asked;
    std::shared_ptr<const StopTree> stops;  // of `asked`
    TimePoint queued_at;
  };
  Choice(const Setup& setup, work::ReplyReader reader);

  /// The next piece of what has arrived; nullopt: nothing yet. A piece has one token, or all tokens
  /// if more than eight wait. The first piece also has the echo and the prompt's logprobs. After an
  /// Error or the end nothing comes.
  Result<std::optional<Delta>> poll(TimePoint now);

  /// Nobody wants a piece before the end: its tokens wake nobody. Unless a stop string may end it.
  void wait_for_end();

  /// Stops reading, and cancels what still runs.
  void close();

  bool closed() const { return closed_; }
  bool is_branch() const { return branch_; }
  bool begun() const { return started_ || first_at_; }  // its first row was planned
  const std::optional<End>& end() const { return end_; }
  uint32_t completion_tokens() const { return completion_tokens_; }
  /// Of the prompt, which is the first of its choices'.
  uint32_t cached_tokens() const { return started_ && !branch_ ? started_->cached_tokens : 0; }
  uint32_t max_tokens() const { return max_tokens_; }
  const std::optional<TimePoint>& first_token_at() const { return first_at_; }
  const std::vector<double>& gaps() const {
    return gaps_;
  }  // seconds between tokens; those of one step share its time

  /// The scheduler's times once it has finished; else (stopped by a string, or cut off) as measured
  /// here.
  Usage usage() const;

 private:
  void fetch(TimePoint now);
  void note_times(size_t tokens, TimePoint at);
  Result<void> take_events(size_t tokens, Delta& delta);
  /// False: the token may be the stop token. Only the next event tells.
  bool take_token(const work::Token& token, Delta& delta);
  void begin(Delta& delta);
  void show(std::string_view text, Delta& delta);
  void finish(const work::Finish& finish, Delta& delta);
  bool names_eos(int32_t id) const;

  const uint32_t index_, prompt_tokens_, max_tokens_, min_tokens_;
  const bool branch_, ignore_eos_, include_stop_, tells_logprobs_, echo_only_, stops_at_strings_;
  const std::vector<int32_t> stop_tokens_, eos_ids_;
  const TimePoint queued_at_;
  const std::shared_ptr<const text::Tokenizer> tokenizer_;
  work::ReplyReader reader_;
  text::Detokenizer detokenizer_;
  StopStrings stops_;

  std::deque<work::Event> events_;             // arrived, not yet taken
  std::string echo_;                           // not shown yet
  std::vector<TokenLogprob> prompt_logprobs_;  // not given out yet
  bool closed_ = false;
  std::optional<End> end_;
  std::optional<work::Started> started_;
  std::optional<work::Finish> finish_;
  int32_t last_id_ = -1;
  uint32_t completion_tokens_ = 0;
  std::optional<TimePoint> first_at_;
  TimePoint last_at_;
  std::vector<double> gaps_;
};

}  // namespace weir::serve
