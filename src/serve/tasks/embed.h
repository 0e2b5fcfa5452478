#pragma once

#include "serve/tasks/reads.h"
#include "weir/serve/answer.h"

namespace weir::serve {

/// Errors: invalid_argument where the model's vectors have fewer numbers than are asked for.
Result<void> check_dimensions(const LoadedModel& model, const Embed& asked);
/// A vector as it was asked for: cut, and made to length 1 again where it was. Errors:
/// invalid_argument where it has fewer numbers.
Result<Vector> vector_of(work::Numbers numbers, const Embed& asked);

}  // namespace weir::serve
