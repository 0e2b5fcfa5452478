#include "http/head_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "http/request_checks.h"
#include "http/shown.h"

namespace weir::http {
namespace {

constexpr int kBadRequest = 400, kVersionNotSupported = 505;
constexpr std::array<std::string_view, 9> kMethods{"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                   "CONNECT", "OPTIONS", "TRACE", "PATCH"};

template <class... Args>
WireFault bad(fmt::format_string<Args...> text, Args&&... args) {
  return {kBadRequest, fmt::format(text, std::forward<Args>(args)...)};
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// By character, whether a token may hold it (RFC 9110 5.6.2).
constexpr std::array<bool, 256> kTokenCharacters = [] {
  std::array<bool, 256> may{};
  for (unsigned char c : std::string_view("!#$%&'*+-.^_`|~")) may[c] = true;
  for (unsigned char c = '0'; c <= '9'; ++c) may[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) may[c] = may[c - 'a' + 'A'] = true;
  return may;
}();

bool is_token(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return kTokenCharacters[c]; });
}

bool is_method(std::string_view text) {
  return std::find(kMethods.begin(), kMethods.end(), text) != kMethods.end();
}

std::optional<WireFault> fault_of_version(std::string_view version) {
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return std::nullopt;
  if (version.starts_with("HTTP/"))
    return WireFault{
        kVersionNotSupported,
        fmt::format("version {} is not spoken; HTTP/1.1 and HTTP/1.0 are", shown(version))};
  return bad("the request line ends with \"{}\"; HTTP/1.1 or HTTP/1.0 is wanted there",
             shown(version));
}

std::optional<WireFault> fault_of_method(std::string_view method) {
  if (is_method(method)) return std::nullopt;
  std::string upper(method);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (is_method(upper))
    return bad("method \"{}\" is not known; it is written {}", shown(method), upper);
  return bad("method \"{}\" is not known; {} are", shown(method), fmt::join(kMethods, ", "));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<WireFault> fault_of_value(std::string_view name, std::string_view value) {
  for (char c : value)
    if (is_control(static_cast<unsigned char>(c)) && c != '\t')
      return bad("header field {} has a control character, 0x{:02x}, in its value", shown(name),
                 static_cast<unsigned>(static_cast<unsigned char>(c)));
  return std::nullopt;
}

std::optional<WireFault> fault_of_name(std::string_view name) {
  if (name.empty()) return bad("a header field has no name before its colon");
  if (is_blank(name.back()))
    return bad("header field \"{}\" has a blank before its colon; none is allowed", shown(name));
  if (!is_token(name))
    return bad("\"{}\" is no name of a header field: letters, digits and !#$%&'*+-.^_`|~ are",
               shown(name));
  return std::nullopt;
}

}  // namespace

std::optional<WireFault> fault_of_request_line(std::string_view line) {
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return bad("the request line \"{}\" is not METHOD TARGET HTTP/1.1", shown(line));
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (auto fault = fault_of_version(line.substr(last + 1))) return fault;
  if (auto fault = fault_of_method(line.substr(0, first))) return fault;
  const auto is_wrong = [](unsigned char c) { return c == ' ' || is_control(c); };
  if (target.empty() || std::any_of(target.begin(), target.end(), is_wrong))
    return bad(
        "the request's target \"{}\" has a blank or a control character; those are "
        "percent-encoded",
        shown(target));
  return std::nullopt;
}

std::optional<WireFault> FieldLines::fault_of(std::string_view line) {
  if (is_blank(line.front())) {
    if (name_.empty()) return bad("a blank stands before the name of the first header field");
    return bad("header field {} is folded over two lines; it must stand on one", shown(name_));
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos)
    return bad("the line \"{}\" of the header has no colon; NAME: VALUE is wanted", shown(line));
  name_ = line.substr(0, colon);
  if (auto fault = fault_of_name(name_)) return fault;
  const std::string_view value = line.substr(colon + 1);
  if (auto fault = fault_of_value(name_, value)) return fault;
  return fault_of_framing(trimmed(value));
}

std::optional<WireFault> FieldLines::fault_of_framing(std::string_view value) {
  const bool is_length = is_same_word(name_, "Content-Length");
  const bool is_coding = is_same_word(name_, "Transfer-Encoding");
  if (is_length && has_length_) return bad("the request has more than one Content-Length");
  if (is_coding && (has_coding_ || !is_same_word(value, "chunked")))
    return bad("the only Transfer-Encoding taken is chunked, once");
  has_length_ |= is_length;
  has_coding_ |= is_coding;
  if (has_length_ && has_coding_)
    return bad("the request has both Content-Length and Transfer-Encoding; one is allowed");
  return std::nullopt;
}

}  // namespace weir::http
