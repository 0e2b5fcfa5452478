#pragma once

namespace weir::app {

/// Opens /dev/null in place of each closed one of standard input, output and error. Otherwise the
/// next opened file, perhaps a database, would become standard error. Called first.
void open_standard_files();

}  // namespace weir::app
