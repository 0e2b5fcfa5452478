#pragma once

#include "serve/tasks/reads.h"
#include "weir/serve/answer.h"

namespace weir::serve {

/// The labels that a request asked for, from a classifier's numbers.
ScoredLabels labels_of(const work::Numbers& numbers, const folder::HeadCard& card,
                       const Classify& asked);

}  // namespace weir::serve
