#include "checked.h"

#include "task.h"

namespace weir::serve {

Prompts prompts_of(const Checked& checked) {
  Prompts prompts;
  if (!task_of(checked.ask->options).generates()) return {{}};
  for (const RequestRow& row : checked.rows) prompts.push_back(row.prompt);
  return prompts;
}

}  // namespace weir::serve
