#pragma once

#include <string_view>

namespace weir::http {

/// Whether the text may be the value of a Host header: host[:port], an IPv6 address in brackets, or
/// empty (RFC 9110 7.2).
bool is_host(std::string_view text);

/// The name or address in a Host header, without its port, brackets and the dot that ends an
/// absolute name. REQUIRES: is_host(text).
std::string_view host_name(std::string_view text);

/// Whether it is "localhost" or an address of loopback, also one of IPv4 mapped into IPv6.
bool is_loopback_name(std::string_view name);

}  // namespace weir::http
