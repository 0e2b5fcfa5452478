// Shared by the processor and the device.
#pragma once

#include <limits>

#include "weir/kernels/sample.h"

namespace weir::kernels {

constexpr float edited(float logit, const LogitEdit& edit) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  if (edit.add == kNever) return kNever;  // also of a logit that is infinite
  logit += edit.add;
  if (edit.repetition != 1) logit = logit > 0 ? logit / edit.repetition : logit * edit.repetition;
  return logit - edit.subtract;
}

}  // namespace weir::kernels
