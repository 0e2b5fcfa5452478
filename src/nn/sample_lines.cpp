#include <algorithm>
#include <limits>

#include "weir/nn/sampler.h"

namespace weir::nn {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

std::span<const int32_t> completion_of(const RowTask& row) {
  return row.text.subspan(std::min<size_t>(row.prompt_tokens, row.text.size()));
}

/// Does the completion, with `ahead` of its guesses, end with all of `word` but its last token?
bool is_next(const std::vector<int32_t>& word, const RowTask& row, uint32_t ahead) {
  const auto completion = completion_of(row);
  const size_t known = completion.size() + ahead, before = word.size() - 1;
  if (before > known) return false;
  for (size_t i = 0; i < before; ++i) {
    const size_t at = known - before + i;
    const int32_t token =
        at < completion.size() ? completion[at] : row.guesses[at - completion.size()];
    if (token != word[i]) return false;
  }
  return true;
}

}  // namespace

void SampleLines::fill(std::span<const RowTask> rows, int64_t vocabulary) {
  lines_.clear();
  edits_.clear();
  edits_of_line_.clear();
  place_.resize(static_cast<size_t>(vocabulary), -1);
  for (const RowTask& row : rows) {
    const work::SamplingParams& params = *row.sampling;
    for (const int32_t id : row.scored) {
      lines_.push_back({.given = id, .logprobs = count_of(params.prompt_logprobs)});
      edits_of_line_.emplace_back(edits_.size(), edits_.size());
    }
    for (uint32_t ahead = 0; ahead < row.draws(); ++ahead) add_draw(row, ahead);
  }
  for (size_t i = 0; i < lines_.size(); ++i) {
    const auto [begin, end] = edits_of_line_[i];
    lines_[i].edits = std::span(edits_).subspan(begin, end - begin);
  }
}

int32_t SampleLines::count_of(std::optional<uint32_t> logprobs) const {
  if (!logprobs) return -1;
  return static_cast<int32_t>(std::min<size_t>(*logprobs, place_.size()));
}

void SampleLines::add_draw(const RowTask& row, uint32_t ahead) {
  const work::SamplingParams& params = *row.sampling;
  lines_.push_back({.temperature = params.temperature,
                    .top_p = params.top_p,
                    .min_p = params.min_p,
                    .top_k = params.top_k,
                    .seed = params.seed,
                    .draw = row.drawn + ahead,
                    .allowed = params.allowed_tokens,
                    .logprobs = count_of(params.logprobs)});
  begin_ = edits_.size();
  edit_for(row, params, ahead);
  edits_of_line_.emplace_back(begin_, edits_.size());
  for (size_t i = begin_; i < edits_.size(); ++i) place_[static_cast<size_t>(edits_[i].id)] = -1;
}

void SampleLines::edit_for(const RowTask& row, const work::SamplingParams& params, uint32_t ahead) {
  if (row.drawn + ahead < params.min_tokens)
    for (const int32_t id : params.stop_tokens) edit_of(id).add = kNever;
  for (const auto& word : params.bad_words)
    if (is_next(word, row, ahead)) edit_of(word.back()).add = kNever;
  for (const auto& [id, bias] : params.bias) edit_of(id).add += bias;
  if (params.repetition_penalty != 1 || params.presence_penalty != 0 ||
      params.frequency_penalty != 0)
    penalize(row, params, ahead);
}

void SampleLines::penalize(const RowTask& row, const work::SamplingParams& params, uint32_t ahead) {
  const auto guesses = row.guesses.first(ahead);
  if (params.repetition_penalty != 1)
    for (const auto& tokens : {row.text, guesses})
      for (const int32_t id : tokens) edit_of(id).repetition = params.repetition_penalty;
  times_.assign(edits_.size() - begin_, 0);
  for (const auto& tokens : {completion_of(row), guesses})
    for (const int32_t id : tokens) {
      edit_of(id);
      times_.resize(edits_.size() - begin_, 0);
      ++times_[static_cast<size_t>(place_[static_cast<size_t>(id)])];
    }
  for (size_t i = 0; i < times_.size(); ++i)
    if (times_[i] > 0)
      edits_[begin_ + i].subtract =
          params.presence_penalty + params.frequency_penalty * static_cast<float>(times_[i]);
}

kernels::LogitEdit& SampleLines::edit_of(int32_t id) {
  int32_t& place = place_[static_cast<size_t>(id)];
  if (place < 0) {
    place = static_cast<int32_t>(edits_.size() - begin_);
    edits_.push_back({.id = id});
  }
  return edits_[begin_ + static_cast<size_t>(place)];
}

}  // namespace weir::nn
