#include "reading.h"

#include <algorithm>
#include <string>
#include <utility>

namespace weir::serve {

using std::chrono::milliseconds;

RunningReading::RunningReading(Checked checked, Admitted admitted, const Clock& clock)
    : RunningRequest(std::move(checked.ticket), std::move(admitted), size_of(checked.rows), clock),
      rows_(std::move(checked.rows)),
      ask_(std::move(checked.ask)),
      running_(rows_.size()) {
  prompts_.emplace_back();
  for (work::ReplyReader& reader : readers_) parts_.push_back({.reader = std::move(reader)});
}

RunningReading::~RunningReading() {
  if (done()) return;
  leave(Code::cancelled);
  end("abort");
}

Result<std::optional<Delta>> RunningReading::look() {
  for (size_t row = 0; row < parts_.size(); ++row)
    if (auto looked = look(row); !looked) return looked.error();
  if (running_ > 0) return std::optional<Delta>();
  return finish();
}

Result<void> RunningReading::look(size_t row) {
  Part& part = parts_[row];
  while (!part.finish) {
    auto event = part.reader.next(milliseconds(0));
    if (!event) return {};
    if (auto* readings = std::get_if<work::Readings>(&*event)) {
      part.readings = std::move(*readings);
    } else if (const auto* started = std::get_if<work::Started>(&*event)) {
      part.started = *started;
    } else if (auto* error = std::get_if<Error>(&*event)) {
      return at_row(std::move(*error), row);
    } else if (const auto* finish = std::get_if<work::Finish>(&*event); finish && part.readings) {
      part.finish = *finish;
      --running_;
      observe(row, "stop");
    } else {
      return Error{.code = Code::internal, .message = "the model answered no numbers"};
    }
  }
  return {};
}

// If the model fails on one input (NaN), the message names the input.
Error RunningReading::at_row(Error error, size_t row) const {
  if (error.code == Code::internal && error.name && rows_.size() > 1)
    error.message = "input[" + std::to_string(rows_[row].input) + "]: " + error.message;
  return error;
}

Result<std::optional<Delta>> RunningReading::finish() {
  std::vector<work::Readings> readings;
  for (Part& part : parts_) readings.push_back(*std::move(part.readings));
  auto answers =
      task_of(ask_->options).answers(ticket_.model->loaded, *ask_, rows_, std::move(readings));
  if (!answers) return answers.error();
  const Usage usage = this->usage();
  account_.used(usage.prompt_tokens, 0, usage.cached_tokens);
  end("stop");
  Delta delta;
  delta.answers = std::make_shared<const Answers>(*std::move(answers));
  return std::optional<Delta>(std::move(delta));
}

void RunningReading::leave(Code code) {
  int64_t charged = 0, cached = 0;
  for (size_t row = 0; row < parts_.size(); ++row) {
    Part& part = parts_[row];
    // A row that has begun is computed to its end, even if nobody waits for it any more.
    if (part.started) charged += tokens_of(row);
    if (part.started) cached += part.started->cached_tokens;
    if (!part.finish) observe(row, finish_word(code));
    part.reader.close();
  }
  if (code == Code::cancelled || code == Code::deadline)
    account_.used(charged, 0, cached);
  else
    account_.refund_all();
}

bool RunningReading::begun() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.started.has_value(); });
}

void RunningReading::observe(size_t row, std::string_view finish) {
  const Part& part = parts_[row];
  const work::Finish costs = part.finish.value_or(work::Finish{});
  const work::Started started = part.started.value_or(work::Started{});
  ticket_.model->series.finished({.reason = finish,
                                  .prompt_tokens = tokens_of(row),
                                  .cached_tokens = started.cached_tokens,
                                  .queue = seconds_of(started.queued),
                                  .prefill = seconds_of(costs.prefill),
                                  .decode = seconds_of(costs.decode),
                                  .whole = seconds_of(clock_.now() - ticket_.arrival)});
}

Usage RunningReading::usage() const {
  Usage sum;
  for (size_t row = 0; row < parts_.size(); ++row) {
    const Part& part = parts_[row];
    sum.prompt_tokens += tokens_of(row);
    if (!part.finish) continue;
    const work::Started started = part.started.value_or(work::Started{});
    sum.cached_tokens += started.cached_tokens;
    sum.queue_ms = std::max(sum.queue_ms, milliseconds_of(started.queued));
    sum.prefill_ms = std::max(sum.prefill_ms, milliseconds_of(part.finish->prefill));
    sum.decode_ms = std::max(sum.decode_ms, milliseconds_of(part.finish->decode));
  }
  return sum;
}

}  // namespace weir::serve
