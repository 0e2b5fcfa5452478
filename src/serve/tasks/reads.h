#pragma once

#include <cstdint>
#include <vector>

#include "serve/admission.h"
#include "serve/model_set.h"
#include "serve/still_wanted.h"
#include "weir/serve/ask.h"
#include "weir/serve/tasks.h"
#include "weir/work/output.h"

namespace weir::serve {

/// The index of the model's head that does `task`. REQUIRES: it has one.
uint32_t head_of(const ModelCard& model, HeadTask task);

/// How the inputs of a request become rows that ask one head about whole inputs.
struct RowsToRead {
  uint32_t head = 0;
  const Truncation& truncation;
  std::string prefix = {};  // stands before each text
  uint32_t left_out = 0;    // tokens at the beginning of each text that are not pooled
};
/// One row for each input. Errors: invalid_argument with the field in `param`; those of
/// StillWanted.
Result<std::vector<RequestRow>> rows_to_read(const ModelCard& model, const Ask& ask,
                                             StillWanted& wanted, const RowsToRead& asked);

/// The numbers of a row's only head. REQUIRES: it asked one.
work::Numbers only_numbers(work::Readings readings);

}  // namespace weir::serve
