#pragma once

#include <string>
#include <utility>

#include "api/answer/answer.h"
#include "api/answer/dry_run.h"
#include "api/answer/readings.h"
#include "api/read_request.h"

namespace weir::api {

/// Handles a request of a task that does not generate: decodes it, and runs it or says what it
/// would cost. `append` writes the fields of an entry of the list, given what was decoded.
template <class Decoded, class Append>
Result<Said> read_and_answer(Call& call, Api& api,
                             Result<Decoded> (*decode)(const std::string&, UnknownFields&),
                             const ListForm& form, Append append) {
  auto asked = read_request(call, api, decode);
  if (!asked) return asked.error();
  call.body = {};
  apply(asked->handling, call.caller);
  if (call.dry_run) return answer_dry_run(call, api, asked->ask, false);
  auto read = read_answers(call, api, std::move(asked->ask));
  if (!read) return read.error();
  return answer_list(api, *read, form, [&](std::string& out, const serve::Answer& answer) {
    append(out, answer, *asked);
  });
}

}  // namespace weir::api
