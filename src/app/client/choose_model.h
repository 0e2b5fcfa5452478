#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/client/daemon_client.h"
#include "app/command_line.h"
#include "weir/base/result.h"

namespace weir::app {

/// Why the model can never be asked: it could not be loaded. `model` empty: the only one.
std::optional<Error> failure_of(const std::vector<ModelState>& states, const std::string& model);

/// The name of the model to chat with: `options.model`, or the first that can. Errors: there is no
/// such model, and the names that there are; it cannot chat; the daemon refuses.
Result<std::string> choose_model(const DaemonClient& client, const ChatOptions& options);

}  // namespace weir::app
