#include "serve/tasks/reads.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "serve/prompts.h"
#include "serve/task.h"
#include "weir/base/error_name.h"
#include "weir/base/last_words.h"

namespace weir::serve {

uint32_t head_of(const ModelCard& model, HeadTask task) {
  const auto found = std::find_if(model.heads.begin(), model.heads.end(),
                                  [&](const folder::HeadCard& head) { return head.task == task; });
  if (found != model.heads.end()) return static_cast<uint32_t>(found - model.heads.begin());
  last_words("believed: a model was asked for a head that it has\n");
  std::abort();
}

Result<std::vector<RequestRow>> rows_to_read(const ModelCard& model, const Ask& ask,
                                             StillWanted& wanted, const RowsToRead& asked) {
  if (ask.inputs.empty()) return invalid("input is empty", "input", error_name::kEmptyArray);
  std::vector<RequestRow> rows;
  for (size_t i = 0; i < ask.inputs.size(); ++i) {
    if (auto still = wanted.check(); !still) return still.error();
    auto typed = tokens_to_read(model, {.input = ask.inputs[i],
                                        .truncation = asked.truncation,
                                        .name = field_of(ask, i),
                                        .prefix = asked.prefix});
    if (!typed) return typed.error();
    const bool is_text = std::holds_alternative<Text>(ask.inputs[i]);
    rows.push_back(
        {.prompt = std::move(typed->ids),
         .types = std::move(typed->types),
         .params = work::Reads{{.head = asked.head, .left_out = is_text ? asked.left_out : 0}},
         .input = static_cast<uint32_t>(i)});
  }
  return rows;
}

work::Numbers only_numbers(work::Readings readings) { return std::move(readings.heads.at(0)); }

}  // namespace weir::serve
