#pragma once

namespace weir::http {

/// Asks the system for short time slices for the calling thread. A thread that answers clients
/// computes little, and should not wait for the slices of threads that compute much. Linux 6.12 and
/// later grant this to every process; earlier versions ignore it.
void ask_for_short_slices();

}  // namespace weir::http
