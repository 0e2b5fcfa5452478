#include "http/host.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>

#include "http/request_checks.h"

namespace weir::http {
namespace {

/// The index of the port's colon; the end if there is none.
size_t end_of_host(std::string_view text) {
  const size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  return std::min(text.find(':', std::min(bracket, text.size())), text.size());
}

bool is_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return text.empty() || (failure == std::errc{} && end == text.data() + text.size());
}

/// "[::1]", "[fe80::1%eth0]".
bool is_bracketed(std::string_view text) {
  if (!text.ends_with(']')) return false;
  const std::string_view inside = text.substr(1, text.size() - 2);
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(inside.substr(0, inside.find('%'))).c_str(), &address) ==
         1;
}

bool is_name(std::string_view text) {
  constexpr std::string_view kSigns = "-._~%!$&'()*+;=";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return std::isalnum(c) || kSigns.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

}  // namespace

bool is_host(std::string_view text) {
  if (text.empty()) return true;
  const size_t end = end_of_host(text);
  const std::string_view host = text.substr(0, end);
  if (end < text.size() && !is_port(text.substr(end + 1))) return false;
  return host.starts_with('[') ? is_bracketed(host) : is_name(host);
}

std::string_view host_name(std::string_view text) {
  std::string_view host = text.substr(0, end_of_host(text));
  if (host.starts_with('[')) return host.substr(1, host.size() - 2);
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool is_loopback_name(std::string_view name) {
  if (is_same_word(name, "localhost")) return true;
  const std::string text(name);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  constexpr size_t kMapped = 12;  // bytes before the address of IPv4
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[kMapped] == 127);
}

}  // namespace weir::http
