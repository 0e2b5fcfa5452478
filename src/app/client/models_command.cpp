#include <algorithm>
#include <ostream>

#include "app/client/console.h"
#include "app/client/reach.h"
#include "app/commands.h"
#include "app/text_table.h"
#include "app/words.h"

namespace weir::app {
namespace {

std::string state_text(const ModelState& state) {
  if (state.failed()) return "failed: " + state.failure;
  if (state.ready()) return "ready";
  return state.progress.phase + ", " + std::to_string(static_cast<int>(state.progress.percent)) +
         "%";
}

/// The tokens that a sequence may have. Of an encoder-decoder: its source, then its text.
std::string context_text(const ListedModel& model) {
  return (model.max_source ? std::to_string(*model.max_source) + " + " : "") +
         std::to_string(model.max_tokens);
}

TableRow row_of(const ModelState& state, const ListedModel* model) {
  const std::string unknown = "-";
  TableRow row{state.name, unknown, unknown, unknown, state_text(state)};
  if (model != nullptr)
    row = {state.name, model->max_source ? "encoder-decoder" : model->kind,
           joined(model->tasks, ", "), context_text(*model), state_text(state)};
  for (std::string& text : row) text = without_controls(text);
  return row;
}

/// A row for each model that is not ready or that the key may ask.
Result<std::vector<TableRow>> rows_of(const DaemonClient& client) {
  auto models = client.models();
  if (!models) return models.error();
  auto states = client.states();
  if (!states) return states.error();
  std::vector<TableRow> rows{{"name", "kind", "tasks", "context", "state"}};
  for (const ModelState& state : *states) {
    const auto model = std::ranges::find(*models, state.name, &ListedModel::name);
    if (model != models->end())
      rows.push_back(row_of(state, &*model));
    else if (!state.ready())
      rows.push_back(row_of(state, nullptr));
  }
  return rows;
}

}  // namespace

int models(const Resolved& resolved, std::ostream& out) {
  auto daemon = reach_running(resolved);
  if (!daemon) return fail(kFailed, {.message = without_controls(daemon.error().message)});
  auto rows = rows_of(daemon->client);
  if (!rows) return fail(kFailed, {.message = without_controls(rows.error().message)});
  print_table(*rows, rows->front().size(), out);
  return 0;
}

}  // namespace weir::app
