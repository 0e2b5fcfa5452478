#include "serve/tasks/spans_of_text.h"

#include "serve/tasks/crf.h"

namespace weir::serve {

std::vector<Span> spans_of_text(std::string_view text, const UnitNumbers& read,
                                const folder::HeadCard& head, Aggregation aggregation) {
  const auto& [units, numbers] = read;
  std::vector<Tagged> tagged = head.crf ? along_path(units, crf_path(*head.crf, numbers))
                                        : most_probable(units, numbers, head.labels.size());
  return spans_of(text, std::move(tagged), head.labels, aggregation);
}

}  // namespace weir::serve
