#pragma once

namespace weir::app {

/// The command line `weir`. Returns the exit code: 0 done, 1 it failed, 2 a wrong setting or
/// argument.
int run(int argc, const char* const* argv);

}  // namespace weir::app
