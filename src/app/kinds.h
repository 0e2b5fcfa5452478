#pragma once

#include <string>

#include "weir/base/result.h"

namespace weir::app {

/// Markdown: the kinds of checkpoints that are served, by their names in config.json's
/// "architectures", with the tasks and the routes of each. It is made from the tables that decide:
/// arch::table(), of which each entry is built without numbers, and api::routes(). Errors:
/// internal, an architecture cannot be built from the sizes that the others have.
Result<std::string> kinds_table();

}  // namespace weir::app
