#pragma once

#include <memory>

#include "weir/kernels/cpu_isa.h"
#include "weir/kernels/ops.h"

namespace weir::kernels {

/// As make_cpu_ops(pool, fetch), for one instruction set. REQUIRES the processor to have it.
std::unique_ptr<Ops> make_cpu_ops(ThreadPool& pool, Isa isa, PageFetch* fetch = nullptr);

}  // namespace weir::kernels
