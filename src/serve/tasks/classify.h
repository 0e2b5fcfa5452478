#pragma once

#include "serve/tasks/reads.h"
#include "weir/serve/answer.h"

namespace weir::serve {

/// The labels of a classifier's numbers, as they were asked for.
ScoredLabels labels_of(const work::Numbers& numbers, const folder::HeadCard& card,
                       const Classify& asked);

}  // namespace weir::serve
