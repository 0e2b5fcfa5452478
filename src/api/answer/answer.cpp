#include "api/answer/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "weir/api/route.h"

namespace weir::api {
namespace {

Result<Said> handle(const Route& route, Call& call, Api& api) {
  const auto& preparation = call.caller.preparation;
  if (preparation) {
    if (auto turn = preparation->enter(call.caller); !turn) return turn.error();
  }
  return route.handle(call, api);
}

HeaderLines note_headers(serve::Notes notes) {
  HeaderLines headers = std::move(notes.limits);
  if (!notes.model.empty()) headers.emplace_back("x-weir-model", notes.model);
  if (notes.waiting) {
    headers.emplace_back("x-weir-queue-position", std::to_string(notes.waiting->place));
    headers.emplace_back("x-weir-predicted-wait-ms",
                         std::to_string(notes.waiting->predicted.count()));
  }
  if (!notes.brownout.empty())
    headers.emplace_back("x-weir-brownout", fmt::format("{}", fmt::join(notes.brownout, ", ")));
  if (!notes.response_cache.empty()) headers.emplace_back("x-weir-cache", notes.response_cache);
  return headers;
}

}  // namespace

Result<Said> answer(const Route& route, Call& call, Api& api) {
  auto said = handle(route, call, api);
  call.body = {};
  call.caller.preparation.reset();
  return said;
}

HeaderLines take_told_headers(Call& call) {
  HeaderLines headers = note_headers(std::exchange(call.caller.notes, {}));
  if (!call.ignored_fields.empty()) headers.emplace_back("x-weir-ignored", call.ignored_fields);
  return headers;
}

Said answer_json(std::string body) { return {.body = std::move(body)}; }

void add_server_timing(Said& said, const serve::Usage& usage) {
  said.headers.emplace_back("Server-Timing",
                            fmt::format("queue;dur={:.3f}, prefill;dur={:.3f}, decode;dur={:.3f}",
                                        usage.queue_ms, usage.prefill_ms, usage.decode_ms));
}

int64_t unix_seconds() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

void apply(const Handling& handling, serve::Caller& caller) {
  const auto timeout = handling.timeout;
  if (timeout) caller.timeout = std::min(*timeout, caller.timeout.value_or(*timeout));
  caller.priority = handling.priority;
}

}  // namespace weir::api
