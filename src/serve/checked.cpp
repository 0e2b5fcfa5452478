#include "checked.h"

#include "task.h"

namespace weir::serve {

std::vector<std::vector<int32_t>> prompts_of(const Checked& checked) {
  std::vector<std::vector<int32_t>> prompts;
  if (!task_of(checked.ask->options).generates()) return {{}};
  for (const Row& row : checked.rows) prompts.push_back(row.prompt);
  return prompts;
}

}  // namespace weir::serve
