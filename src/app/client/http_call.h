#pragma once

#include <httplib.h>

#include <string>

#include "app/client/daemon_client.h"
#include "weir/base/result.h"

namespace weir::app {

/// A client for one request.
httplib::Client make_client(const DaemonAddress& address);

/// The headers of every request: the key.
httplib::Headers headers_of(const DaemonAccess& access);

/// The error of an answer that is not 200: the daemon's own message.
Error refusal_of(int status, const std::string& body, const DaemonAccess& access);

/// "no daemon answers at http://127.0.0.1:8080 (Could not establish connection)"
Error no_answer(httplib::Error reason, const DaemonAddress& address);

}  // namespace weir::app
