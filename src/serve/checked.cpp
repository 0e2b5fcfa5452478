#include "checked.h"

#include "task.h"

namespace weir::serve {

Prompts prompts_of(const Checked& checked) {
  Prompts prompts;
  if (!task_of(checked.ask->options).generates()) return Prompts(1);
  for (const RequestRow& row : checked.rows)
    prompts.insert(prompts.end(), row.choices(), prompt_tokens_of(row.source, row.prompt));
  return prompts;
}

}  // namespace weir::serve
