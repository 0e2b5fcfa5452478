#include "serve/tasks/spans_of_text.h"

namespace weir::serve {

std::vector<Span> spans_of_text(std::string_view text, const UnitNumbers& read,
                                const TaggerLabels& labels, Aggregation aggregation) {
  const auto& [units, numbers] = read;
  std::vector<Tagged> tagged = labels.crf ? along_path(units, crf_path(*labels.crf, numbers))
                                          : most_probable(units, numbers, labels.names.size());
  return spans_of(text, std::move(tagged), labels.names, aggregation);
}

}  // namespace weir::serve
