#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fakes/fake_runner.h"
#include "schedule/beams.h"
#include "weir/schedule/plan.h"
#include "weir/work/reply.h"
#include "weir/work/request.h"

namespace weir::schedule {

/// A client of the simulation: what it asked, what it has read, and whether that is right.
class SimulatedRequest {
 public:
  std::vector<int32_t> source, prompt;
  std::vector<uint8_t> types;
  work::TaskParams params;
  int priority = 5;
  std::string client;
  bool has_deadline = false;
  SequenceId id = 0;        // 0: the scheduler refuses it before it has one
  size_t in_group = 1;      // sequences that its request is
  SequenceId first_id = 0;  // of its group
  size_t place = 0;         // of its text among those of a beam search
  work::ReplyReader reader;
  size_t seats = SIZE_MAX;  // of the scheduler

  void read() {
    while (auto event = reader.next(std::chrono::milliseconds(0))) {
      if (auto* started = std::get_if<work::Started>(&*event)) {
        first_ = !started_ && tokens_.empty() && readings_.empty();
        started_ = *started;
      }
      if (auto* token = std::get_if<work::Token>(&*event)) {
        tokens_.push_back(token->id);
        if (token->logprobs) thoughts_.push_back(token->logprobs->own);
      }
      if (auto* scored = std::get_if<work::PromptTokens>(&*event)) {
        scored_late_ = scored_late_ || !tokens_.empty();
        for (const work::Token& token : scored->tokens) scores_.push_back(token.logprobs->own);
      }
      if (auto* readings = std::get_if<work::Readings>(&*event)) readings_.push_back(*readings);
      if (auto* finish = std::get_if<work::Finish>(&*event)) finish_ = *finish;
      if (auto* error = std::get_if<Error>(&*event)) error_ = *error;
    }
  }

  void leave() {
    left_ = true;
    reader.close();
  }

  const work::Beams* beams() const {
    const auto* sampling = std::get_if<work::SamplingParams>(&params);
    return sampling && sampling->beams ? &*sampling->beams : nullptr;
  }

  bool refused() const { return error_ && error_->code == Code::invalid_argument; }
  bool was_computed() const { return finish_ && !(tokens_.empty() && readings_.empty()); }
  size_t positions() const {  // the last token is never computed
    return prompt.size() + std::max<size_t>(tokens_.size(), 1) - 1;
  }
  bool done() const { return left_ || finish_ || error_; }

  /// The first thing that is wrong with the answer. `failed`: the model had a fault at one of its
  /// rows.
  std::optional<std::string> wrong(const ModelSpec& spec, bool failed) const {
    if (spec.generates() && !is_prefix(spec)) return "other tokens than alone";
    if (left_) return std::nullopt;
    if (finish_ && error_) return "answered twice";
    if (scored_late_) return "a prompt's tokens behind the first of the completion";
    if (const auto refusal = expected_refusal(spec)) {
      if (!error_ || error_->code != Code::invalid_argument) return "not refused";
      return error_->message == *refusal ? std::nullopt : std::optional(error_->message);
    }
    return finish_ ? wrong_finish(spec) : wrong_error(failed);
  }

 private:
  /// What the model says to this prompt alone.
  std::vector<int32_t> text_alone(const ModelSpec& spec) const {
    const auto& sampling = std::get<work::SamplingParams>(params);
    if (sampling.beams) return searched_alone(spec, sampling);
    Reader reading(*this, spec);
    std::vector<int32_t> text;
    for (size_t i = 0; i < prompt.size(); ++i) reading.add_prompt(i);
    const size_t limit = std::min<size_t>(
        sampling.max_tokens, spec.max_tokens - std::min<size_t>(spec.max_tokens, prompt.size()));
    while (text.size() < limit) {
      const int32_t token =
          fakes::FakeModel::next(reading.seen(), sampling, static_cast<uint32_t>(text.size()));
      const bool may_stop = text.size() >= sampling.min_tokens;
      text.push_back(token);
      reading.add(token);
      if (may_stop && stops(token)) break;
    }
    return text;
  }

  std::vector<int32_t> searched_alone(const ModelSpec& spec,
                                      const work::SamplingParams& sampling) const {
    const auto limit = static_cast<uint32_t>(std::min<size_t>(
        sampling.max_tokens, spec.max_tokens - std::min<size_t>(spec.max_tokens, prompt.size())));
    if (limit == 0) return {};
    BeamSearch search(*sampling.beams, sampling.stop_tokens, sampling.min_tokens, limit, prompt);
    std::vector<std::vector<int32_t>> texts(1);
    for (;;) {
      std::vector<BeamSearch::Likely> likely;
      for (const auto& text : texts) {
        Reader reading(*this, spec);
        for (size_t i = 0; i < prompt.size(); ++i) reading.add_prompt(i);
        for (const int32_t token : text) reading.add(token);
        likely.push_back(fakes::FakeModel::likely(reading.seen(), search.wanted()));
      }
      const auto steps = search.advance(likely);
      if (steps.empty()) return search.ended().at(place).tokens;
      std::vector<std::vector<int32_t>> next;
      for (const BeamSearch::Step& step : steps) {
        next.push_back(texts[step.parent]);
        next.back().push_back(step.token);
      }
      texts = std::move(next);
    }
  }

  /// The model reads the request alone.
  class Reader {
   public:
    Reader(const SimulatedRequest& request, const ModelSpec& spec)
        : request_(request),
          spec_(spec),
          source_(fakes::FakeModel::encoded(request.source)),
          text_(spec.window) {}

    void add_prompt(size_t i) {
      const auto& types = request_.types;
      add(fakes::FakeModel::seen(spec_, request_.prompt[i], request_.prompt.size()) +
          fakes::FakeModel::of_type(i < types.size() ? types[i] : uint8_t{0}));
    }
    void add(int32_t token) { text_.add(token); }

    std::vector<int32_t> seen() const {
      std::vector<int32_t> history = source_;
      const std::vector<int32_t> text = text_.seen();
      history.insert(history.end(), text.begin(), text.end());
      return history;
    }

   private:
    const SimulatedRequest& request_;
    const ModelSpec& spec_;
    const std::vector<int32_t> source_;
    fakes::FakeText text_;
  };

  bool stops(int32_t token) const {
    const auto& stop = std::get<work::SamplingParams>(params).stop_tokens;
    return std::find(stop.begin(), stop.end(), token) != stop.end();
  }

  bool is_prefix(const ModelSpec& spec) const {
    const auto text = text_alone(spec);
    return tokens_.size() <= text.size() &&
           std::equal(tokens_.begin(), tokens_.end(), text.begin());
  }

  std::optional<std::string> expected_refusal(const ModelSpec& spec) const {
    if (source.size() > spec.max_source)
      return "source has " + std::to_string(source.size()) +
             " tokens; this model's encoder takes " + std::to_string(spec.max_source);
    const size_t most = spec.generates() ? spec.max_tokens - 1 : spec.max_tokens;
    if (prompt.size() > most)
      return "prompt has " + std::to_string(prompt.size()) + " tokens; this model takes " +
             std::to_string(most) + (spec.generates() ? " and one of completion" : "");
    if (in_group > seats)
      return std::to_string(in_group) + (beams() ? " beams" : " completions of one prompt") +
             " are asked for; this model computes " + std::to_string(seats) +
             " sequences at a time";
    size_t completion = 0;
    if (spec.generates()) {
      completion = std::min<size_t>(std::get<work::SamplingParams>(params).max_tokens,
                                    spec.max_tokens - prompt.size());
      if (completion == 0) return std::nullopt;
    }
    const size_t unread = spec.generates() ? 1 : 0;  // the last token is never computed
    const size_t positions = prompt.size() + completion - unread;
    const auto pages = [&](size_t count) { return (count + spec.page_size - 1) / spec.page_size; };
    size_t own = pages(positions);
    if (spec.window > 0)  // the most pages that so many positions can touch
      own = std::min<size_t>(own, (spec.window + spec.page_size - 2) / spec.page_size + 1);
    if (const auto* search = beams()) own = search->beams * (own + 1);
    const size_t needed = own + pages(source.size());
    if (!spec.memory.pages || needed <= spec.pages) return std::nullopt;
    return std::string(source.empty() ? "" : "source, ") + "prompt and completion need " +
           std::to_string(needed) + " pages; this model's cache has " + std::to_string(spec.pages);
  }

  std::optional<std::string> wrong_finish(const ModelSpec& spec) const {
    if (finish_->prompt_tokens != source.size() + prompt.size())
      return "a wrong count of prompt tokens";
    if (started_ && !first_) return "a start that was not the first event";
    const work::Started started = started_.value_or(work::Started{});
    if (started.cached_tokens % spec.page_size != 0 || started.cached_tokens >= prompt.size())
      return "a wrong count of cached tokens";
    if (started.queued.count() < 0 || finish_->prefill.count() < 0 || finish_->decode.count() < 0)
      return "a negative time";
    if (!spec.generates()) {
      Reader reading(*this, spec);
      for (size_t i = 0; i < prompt.size(); ++i) reading.add_prompt(i);
      if (readings_.size() != 1 || !are_right(readings_[0], reading.seen()))
        return "wrong readings";
      return std::nullopt;
    }
    const auto text = text_alone(spec);
    if (tokens_ != text) return "fewer tokens than alone";
    if (finish_->generated_tokens != text.size()) return "a wrong count of generated tokens";
    const auto& sampling = std::get<work::SamplingParams>(params);
    const bool stopped = !text.empty() && text.size() > sampling.min_tokens && stops(text.back());
    if (finish_->stop_token != stopped) return "a wrong stop_token";
    if (auto wrong = wrong_logprobs(spec, text)) return wrong;
    if ((finish_->reason == work::FinishReason::stop) != stopped) return "a wrong finish reason";
    return std::nullopt;
  }

  bool are_right(const work::Readings& readings, const std::vector<int32_t>& history) const {
    const auto& reads = std::get<work::Reads>(params);
    if (readings.heads.size() != reads.size()) return false;
    for (size_t i = 0; i < reads.size(); ++i)
      if (readings.heads[i].values != fakes::FakeModel::read(history, reads[i]).values)
        return false;
    return true;
  }

  std::optional<std::string> wrong_logprobs(const ModelSpec& spec,
                                            const std::vector<int32_t>& text) const {
    const auto& sampling = std::get<work::SamplingParams>(params);
    Reader reading(*this, spec);
    std::vector<float> scores, thoughts;
    const auto think = [&](int32_t token) {
      return fakes::FakeModel::think(reading.seen(), token).own;
    };
    for (size_t i = 0; i < prompt.size(); ++i) {
      if (sampling.prompt_logprobs && i > 0 && !text.empty()) scores.push_back(think(prompt[i]));
      reading.add_prompt(i);
    }
    for (int32_t token : text) {
      if (sampling.logprobs) thoughts.push_back(think(token));
      reading.add(token);
    }
    if (scores_ != scores) return "other logprobs of the prompt than alone";
    if (thoughts_ != thoughts) return "other logprobs than alone";
    return std::nullopt;
  }

  std::optional<std::string> wrong_error(bool failed) const {
    if (!error_) return "not answered";
    if (error_->code == Code::deadline && has_deadline && tokens_.empty()) return std::nullopt;
    if (error_->code == Code::internal && failed) return std::nullopt;
    return "an error out of nowhere: " + error_->message;
  }

  std::vector<int32_t> tokens_;
  std::vector<float> scores_, thoughts_;  // of the prompt, of tokens_
  std::vector<work::Readings> readings_;
  std::optional<work::Started> started_;
  bool first_ = false;
  std::optional<work::Finish> finish_;
  std::optional<Error> error_;
  bool left_ = false, scored_late_ = false;
};

}  // namespace weir::schedule
