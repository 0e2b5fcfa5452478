#include "app/client/http_call.h"

#include <nlohmann/json.hpp>

namespace weir::app {
namespace {

constexpr time_t kConnectSeconds = 5;
constexpr time_t kReadSeconds = 300;  // a request may wait that long for its limits and its turn

Code code_of(int status) {
  switch (status) {
    case 400:
      return Code::invalid_argument;
    case 401:
      return Code::unauthenticated;
    case 403:
      return Code::permission_denied;
    case 404:
      return Code::not_found;
    case 429:
      return Code::rate_limited;
    case 503:
      return Code::unavailable;
    default:
      return Code::internal;
  }
}

}  // namespace

httplib::Client make_client(const DaemonAddress& address) {
  httplib::Client client(address.host, address.port);
  client.set_connection_timeout(kConnectSeconds);
  client.set_read_timeout(kReadSeconds);
  return client;
}

httplib::Headers headers_of(const DaemonAccess& access) {
  httplib::Headers headers;
  if (!access.key.empty()) headers.emplace("Authorization", "Bearer " + access.key);
  return headers;
}

Error refusal_of(int status, const std::string& body, const DaemonAccess& access) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const std::string url = url_of(access.address);
  const auto pointer = nlohmann::json::json_pointer("/error/message");
  const bool said = json.is_object() && json.contains(pointer) && json[pointer].is_string();
  if (!said)
    return {.message = url + " answers " + std::to_string(status) + ", and not as weir does"};
  std::string message = json[pointer].get<std::string>();
  if (status == 401)
    message = url + " wants a key: give it by --api-key KEY or WEIR_API_KEY (" + message + ")";
  return {.code = code_of(status), .message = std::move(message)};
}

Error no_answer(httplib::Error reason, const DaemonAddress& address) {
  return {.code = Code::unavailable,
          .message =
              "no daemon answers at " + url_of(address) + " (" + httplib::to_string(reason) + ")"};
}

}  // namespace weir::app
