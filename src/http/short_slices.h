#pragma once

namespace weir::http {

/// Of the calling thread: who answers clients computes little and should not wait for the slices of
/// those that compute much. A wish that Linux 6.12 and later grant to anybody; before that nothing
/// changes.
void ask_for_short_slices();

}  // namespace weir::http
