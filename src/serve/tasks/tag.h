#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "serve/tasks/reads.h"
#include "serve/tasks/units.h"
#include "serve/tasks/windows.h"
#include "weir/serve/answer.h"

namespace weir::serve {

/// The most windows of one input.
inline constexpr size_t kMostWindows = 256;

/// An input that is tagged: its units, and those of each window in which the model reads them.
struct TaggedInput {
  std::vector<LabelUnit> units;
  std::vector<WindowUnits> windows;
};

/// An input with what the model reads of it.
struct InputInWindows {
  std::vector<LabelUnit> units;
  std::vector<Window> windows;
};

/// How an input is to be read. `name`: the field, for errors.
struct InputToTag {
  const Input& input;
  std::string name;
  bool truncate = false;  // one window, cut
};
/// Errors: invalid_argument (no text, an empty one, one of a pair; more tokens than kMostWindows
/// windows have); those of StillWanted.
Result<InputInWindows> windows_to_tag(const ModelCard& model, StillWanted& wanted,
                                      const InputToTag& asked);

/// A row for each window, in which the tagger is asked. `input`: the input's index.
std::vector<RequestRow> rows_to_tag(const ModelCard& model, InputInWindows read, size_t input);

/// The spans of a text from the numbers of its windows. Errors: internal (the numbers are another
/// head's).
Result<Spans> spans_from(const ModelCard& model, const Input& input, const TaggedInput& tagged,
                         std::span<const work::Numbers> numbers, Aggregation aggregation);

}  // namespace weir::serve
