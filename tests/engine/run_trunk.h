#pragma once

#include <ATen/core/Tensor.h>

#include "engine/step_inputs.h"
#include "engine/tiny_model.h"

namespace weir::engine::test {

/// The last hidden states of all tokens, (tokens, hidden) float32.
inline at::Tensor run_trunk(const nn::Model& model, const StepInputs& step,
                            const nn::State& state) {
  const nn::Inputs inputs = step.inputs();
  return model.trunk->forward({inputs, state, cpu().backend()}).last.to(at::kFloat);
}

}  // namespace weir::engine::test
