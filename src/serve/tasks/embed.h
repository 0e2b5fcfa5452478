#pragma once

#include "serve/tasks/reads.h"
#include "weir/serve/answer.h"

namespace weir::serve {

/// Errors: invalid_argument, if the model's vectors have fewer numbers than the request asks for.
Result<void> check_dimensions(const ModelCard& model, const Embed& asked);
/// The vector that a request asked for. If it is cut, it is scaled to length 1 again. Errors:
/// invalid_argument, if the model's vector has fewer numbers.
Result<Vector> vector_of(work::Numbers numbers, const Embed& asked);

}  // namespace weir::serve
