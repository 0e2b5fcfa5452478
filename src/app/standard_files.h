#pragma once

namespace weir::app {

/// Opens /dev/null as each of the standard input, output and error that is closed. Otherwise the
/// next file that is opened, a database perhaps, would be taken for standard error. Called first.
void open_standard_files();

}  // namespace weir::app
