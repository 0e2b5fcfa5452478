#include "embedding.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace weir::serve {
namespace {

using std::chrono::milliseconds;

// How often a waiting thread asks whether its client is still there.
constexpr milliseconds kLook{100};

}  // namespace

Result<std::vector<float>> cut_vector(std::vector<float> vector, uint32_t dimensions) {
  if (dimensions == 0 || dimensions > vector.size())
    return invalid("dimensions is " + std::to_string(dimensions) + "; this model's vectors have " +
                       std::to_string(vector.size()),
                   "dimensions");
  vector.resize(dimensions);
  double squares = 0;
  for (float value : vector) squares += double{value} * value;
  if (squares > 0)
    for (float& value : vector) value = static_cast<float>(value / std::sqrt(squares));
  return vector;
}

Collection::Collection(Ticket ticket, Admitted admitted, const std::vector<Row>& rows,
                       const Clock& clock)
    : clock_(clock),
      ticket_(std::move(ticket)),
      account_(std::move(admitted.permit), rows.size()),
      bell_(std::move(admitted.bell)),
      running_(rows.size()) {
  for (size_t i = 0; i < rows.size(); ++i) {
    Input input;
    input.reader = std::move(admitted.readers[i]);
    input.tokens = static_cast<uint32_t>(rows[i].prompt.size());
    inputs_.push_back(std::move(input));
  }
}

Result<Embeddings> Collection::collect(const std::function<bool()>& gone,
                                       std::optional<uint32_t> dimensions) {
  if (auto waited = wait_for_all(gone); !waited) {
    fail(waited.error());
    return waited.error();
  }
  Embeddings answer{.model = ticket_.model_name(), .vectors = {}, .usage = usage()};
  account_.used(answer.usage.prompt_tokens, 0, answer.usage.cached_tokens);
  log_end(ticket_, inputs_.size(), answer.usage, "stop");
  account_.settle(ticket_, answer.usage, std::nullopt);
  for (Input& input : inputs_) {
    if (!dimensions) {
      answer.vectors.push_back(std::move(input.vector));
      continue;
    }
    auto vector = cut_vector(std::move(input.vector), *dimensions);
    if (!vector) return vector.error();
    answer.vectors.push_back(*std::move(vector));
  }
  return answer;
}

Result<void> Collection::wait_for_all(const std::function<bool()>& gone) {
  while (true) {
    for (Input& input : inputs_)
      if (auto looked = look(input); !looked) return looked;
    if (running_ == 0) return {};
    const TimePoint now = clock_.now();
    if (ticket_.deadline && now >= *ticket_.deadline) return deadline_passed(ticket_, 0);
    if (gone && gone()) return Error{.code = Code::cancelled, .message = "the client left"};
    milliseconds limit = kLook;
    if (ticket_.deadline)
      limit = std::min(limit, std::chrono::ceil<milliseconds>(*ticket_.deadline - now));
    bell_->wait(limit);
  }
}

Result<void> Collection::look(Input& input) {
  while (!input.finish) {
    auto event = input.reader.next(milliseconds(0));
    if (!event) return {};
    if (auto* readings = std::get_if<work::Readings>(&*event)) {
      input.vector = std::move(readings->heads.front().values);
    } else if (const auto* started = std::get_if<work::Started>(&*event)) {
      input.started = *started;
    } else if (auto* error = std::get_if<Error>(&*event)) {
      if (error->code == Code::internal && error->name &&
          inputs_.size() > 1)  // the model's own fault is one input's
        error->message =
            "input[" + std::to_string(&input - inputs_.data()) + "]: " + error->message;
      return std::move(*error);
    } else if (const auto* finish = std::get_if<work::Finish>(&*event);
               finish && !input.vector.empty()) {
      input.finish = *finish;
      --running_;
      observe(input, "stop");
    } else {
      return Error{.code = Code::internal, .message = "the model answered no vector"};
    }
  }
  return {};
}

void Collection::fail(const Error& error) {
  int64_t charged = 0, cached = 0;
  for (Input& input : inputs_) {
    // What has begun is computed to its end, whoever still wants it.
    if (input.started) charged += input.tokens;
    if (input.started) cached += input.started->cached_tokens;
    if (!input.finish) observe(input, finish_word(error.code));
    input.reader.close();
  }
  if (error.code == Code::cancelled || error.code == Code::deadline)
    account_.used(charged, 0, cached);
  else
    account_.refund_all();
  log_end(ticket_, inputs_.size(), usage(), finish_word(error.code));
  account_.settle(ticket_, usage(), error.code);
}

void Collection::observe(const Input& input, std::string_view finish) {
  const work::Finish costs = input.finish.value_or(work::Finish{});
  const work::Started started = input.started.value_or(work::Started{});
  ticket_.model->series.finished({.reason = finish,
                                  .prompt_tokens = input.tokens,
                                  .cached_tokens = started.cached_tokens,
                                  .queue = seconds_of(started.queued),
                                  .prefill = seconds_of(costs.prefill),
                                  .decode = seconds_of(costs.decode),
                                  .whole = seconds_of(clock_.now() - ticket_.arrival)});
}

Usage Collection::usage() const {
  Usage sum;
  for (const Input& input : inputs_) {
    sum.prompt_tokens += input.tokens;
    if (!input.finish) continue;
    const work::Started started = input.started.value_or(work::Started{});
    sum.cached_tokens += started.cached_tokens;
    sum.queue_ms = std::max(sum.queue_ms, milliseconds_of(started.queued));
    sum.prefill_ms = std::max(sum.prefill_ms, milliseconds_of(input.finish->prefill));
    sum.decode_ms = std::max(sum.decode_ms, milliseconds_of(input.finish->decode));
  }
  return sum;
}

}  // namespace weir::serve
