#include "app/settle.h"

#include <algorithm>

namespace weir::app {
namespace {

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7F; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_quoted(const std::string& text) {
  return text.size() > 1 && text.front() == text.back() &&
         (text.front() == '"' || text.front() == '\'');
}

}  // namespace

Result<std::string> settle_host(const std::string& text) {
  constexpr const char* kAll = "0.0.0.0 is every address of IPv4, :: of IPv6";
  if (text.empty()) return invalid(std::string("it is empty; ") + kAll);
  if (text == "*") return invalid(std::string("\"*\" is no address; ") + kAll);
  return text;
}

Result<std::string> settle_secret(const std::string& text) {
  std::string secret = text;
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.empty() && !text.empty()) return invalid("it holds nothing but line breaks");
  if (secret.empty()) return secret;
  if (is_blank(secret.front()) || is_blank(secret.back()))
    return invalid("it begins or ends with a blank, which no client can send");
  if (is_quoted(secret))
    return invalid("it stands in quotes, which would be part of it; write it without");
  if (std::any_of(secret.begin(), secret.end(), is_control))
    return invalid("it holds a control character, which no client can send");
  return secret;
}

}  // namespace weir::app
