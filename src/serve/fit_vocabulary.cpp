#include <spdlog/fmt/fmt.h>

#include "weir/serve/served_model.h"
#include "weir/work/ids.h"

namespace weir::serve {

std::vector<std::string> fit_vocabulary(TextSide& text, int32_t rows) {
  std::vector<std::string> warnings;
  const int32_t size = text.tokenizer->vocabulary_size();
  if (size > rows)
    warnings.push_back(fmt::format(
        "the tokenizer has {} ids and the embedding table {} rows: a request with an id past the "
        "table is refused",
        size, rows));
  std::erase_if(text.eos_ids, [&](const int32_t& id) {
    if (!work::find_stray({&id, 1}, static_cast<uint32_t>(rows))) return false;
    warnings.push_back(
        fmt::format("the end of text {} is dropped: the embedding table has {} rows", id, rows));
    return true;
  });
  return warnings;
}

}  // namespace weir::serve
