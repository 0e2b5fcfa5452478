#include "choice.h"

#include <algorithm>
#include <utility>

#include "ticket.h"
#include "token_logprobs.h"

namespace weir::serve {
namespace {

constexpr size_t kMergeAbove = 8;  // with more waiting events all tokens come in one piece

bool holds(const std::vector<int32_t>& ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

const work::SamplingParams& params_of(const RequestRow& row) {
  return std::get<work::SamplingParams>(row.params);
}

}  // namespace

Choice::Choice(const Setup& setup, work::ReplyReader reader)
    : index_(setup.index),
      prompt_tokens_(setup.branch ? 0 : static_cast<uint32_t>(setup.row.input_tokens())),
      max_tokens_(params_of(setup.row).max_tokens),
      min_tokens_(params_of(setup.row).min_tokens),
      branch_(setup.branch),
      ignore_eos_(params_of(setup.row).ignore_eos),
      include_stop_(setup.asked.include_stop_str_in_output),
      tells_logprobs_(params_of(setup.row).logprobs.has_value()),
      echo_only_(setup.row.echo_only),
      stops_at_strings_(!setup.asked.stop.empty()),
      stop_tokens_(params_of(setup.row).stop_tokens),
      eos_ids_(setup.text.eos_ids),
      queued_at_(setup.queued_at),
      tokenizer_(setup.text.tokenizer),
      reader_(std::move(reader)),
      detokenizer_(setup.text.tokenizer, setup.asked.skip_special_tokens, setup.row.prompt),
      stops_(setup.stops, setup.asked.include_stop_str_in_output),
      echo_(setup.row.echo) {
  if (params_of(setup.row).prompt_logprobs && !setup.branch)
    prompt_logprobs_.push_back(token_logprob(*tokenizer_, {setup.row.prompt.front()}));
}

Result<std::optional<Delta>> Choice::poll(TimePoint now) {
  if (closed_) return std::optional<Delta>();
  fetch(now);
  Delta delta{.choice = index_};
  const size_t tokens = events_.size() > kMergeAbove ? events_.size() : 1;
  if (auto taken = take_events(tokens, delta); !taken) {
    close();
    return taken.error();
  }
  if (end_) close();
  if (delta.token_ids.empty() && !delta.end) return std::optional<Delta>();
  begin(delta);
  return std::optional<Delta>(std::move(delta));
}

void Choice::begin(Delta& delta) {
  delta.text.insert(0, std::exchange(echo_, {}));
  delta.prompt_logprobs = std::exchange(prompt_logprobs_, {});
}

void Choice::wait_for_end() {
  if (!stops_at_strings_) reader_.wait_for_end();
}

void Choice::close() {
  closed_ = true;
  events_.clear();
  reader_.close();
}

void Choice::fetch(TimePoint now) {
  size_t tokens = 0;  // of one step
  TimePoint at = now;
  while (auto event = reader_.next(std::chrono::milliseconds(0))) {
    if (const auto* prompt = std::get_if<work::PromptTokens>(&*event)) {
      for (const work::Token& token : prompt->tokens)
        prompt_logprobs_.push_back(token_logprob(*tokenizer_, token));
      continue;
    }
    if (const auto* token = std::get_if<work::Token>(&*event)) {
      const TimePoint its = token->at.value_or(now);
      if (its != at) note_times(std::exchange(tokens, 0), at);
      at = its;
      ++tokens;
    }
    events_.push_back(*std::move(event));
  }
  note_times(tokens, at);
}

void Choice::note_times(size_t tokens, TimePoint at) {
  if (tokens == 0) return;
  if (!first_at_) {
    first_at_ = last_at_ = at;
    --tokens;
  }
  const double gap = tokens > 0 ? seconds_of(at - last_at_) / static_cast<double>(tokens) : 0;
  gaps_.insert(gaps_.end(), tokens, gap);
  last_at_ = at;
}

Result<void> Choice::take_events(size_t tokens, Delta& delta) {
  while (!events_.empty() && !end_) {
    work::Event& event = events_.front();
    if (const auto* token = std::get_if<work::Token>(&event)) {
      if (tokens == 0 || !take_token(*token, delta)) return {};
      --tokens;
      if (end_) return {};
      events_.pop_front();
    } else if (const auto* started = std::get_if<work::Started>(&event)) {
      started_ = *started;
      events_.pop_front();
    } else if (const auto* finished = std::get_if<work::Finish>(&event)) {
      finish(*finished, delta);
    } else if (auto* error = std::get_if<Error>(&event)) {
      if (!delta.token_ids.empty()) return {};  // tokens that came before the error go out first
      return std::move(*error);
    } else {
      return Error{.code = Code::internal,
                   .message = "the model answered a vector where tokens were asked"};
    }
  }
  return {};
}

bool Choice::take_token(const work::Token& token, Delta& delta) {
  if (echo_only_) return true;
  const int32_t id = token.id;
  bool stops_here = false;
  if (holds(stop_tokens_, id)) {
    if (events_.size() < 2) return false;
    const auto* next = std::get_if<work::Finish>(&events_[1]);
    stops_here = next != nullptr && next->stop_token;
  }
  ++completion_tokens_;
  last_id_ = id;
  delta.token_ids.push_back(id);
  if (tells_logprobs_) delta.logprobs.push_back(token_logprob(*tokenizer_, token));
  if (!stops_here || include_stop_) show(detokenizer_.step(id), delta);
  return true;
}

void Choice::show(std::string_view text, Delta& delta) {
  StopStrings::Shown shown = stops_.feed(text, completion_tokens_ > min_tokens_);
  delta.text += shown.text;
  if (!shown.stop) return;
  end_ = End{FinishReason::stop, *std::move(shown.stop)};
  delta.end = end_;
}

void Choice::finish(const work::Finish& finish, Delta& delta) {
  finish_ = finish;
  show(detokenizer_.flush(), delta);
  if (end_) return;
  delta.text += stops_.flush();
  const bool stopped = finish.reason == FinishReason::stop && !echo_only_;
  end_ = End{stopped ? FinishReason::stop : FinishReason::length, {}};
  if (stopped && finish.stop_token && !names_eos(last_id_)) end_->stop = last_id_;
  delta.end = end_;
}

bool Choice::names_eos(int32_t id) const { return !ignore_eos_ && holds(eos_ids_, id); }

Usage Choice::usage() const {
  const auto queued = started_ ? started_->queued : std::chrono::microseconds(0);
  Usage usage{.prompt_tokens = prompt_tokens_,
              .completion_tokens = completion_tokens_,
              .cached_tokens = cached_tokens(),
              .queue_ms = milliseconds_of(queued)};
  if (finish_) {
    usage.prefill_ms = milliseconds_of(finish_->prefill);
    usage.decode_ms = milliseconds_of(finish_->decode);
  } else if (first_at_) {
    usage.prefill_ms = milliseconds_of(*first_at_ - queued_at_ - queued);
    usage.decode_ms = milliseconds_of(last_at_ - *first_at_);
  }
  return usage;
}

}  // namespace weir::serve
