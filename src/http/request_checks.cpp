#include "http/request_checks.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "http/host.h"
#include "http/shown.h"

namespace weir::http {
namespace {

constexpr size_t kMaxTarget = 1024;
constexpr int64_t kMaxMilliseconds = 86'400'000;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether it has only digits: "+5", "5, 5" and "0x5" are refused.
bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// nullopt also for more than 18 digits.
std::optional<int64_t> plain_number(std::string_view text) {
  int64_t value = 0;
  if (!is_digits(text) || text.size() > 18) return std::nullopt;
  for (char c : text) value = value * 10 + (c - '0');
  return value;
}

Result<std::optional<std::chrono::milliseconds>> milliseconds_header(
    const httplib::Request& request, const char* name, int64_t least) {
  if (!request.has_header(name)) return std::optional<std::chrono::milliseconds>{};
  std::string text = request.get_header_value(name);
  auto value = plain_number(text);
  if (!value || *value < least || *value > kMaxMilliseconds) {
    return invalid(fmt::format("header {} must be a whole number from {} to {}, not \"{}\"", name,
                               least, kMaxMilliseconds, text.substr(0, 40)),
                   name);
  }
  return std::optional(std::chrono::milliseconds(*value));
}

Result<void> check_host(const httplib::Request& request) {
  const size_t hosts = request.get_header_value_count("Host");
  if (hosts > 1) return invalid("the request has more than one Host");
  if (hosts == 0 && request.version != "HTTP/1.0")
    return invalid("the request has no Host, which HTTP/1.1 wants");
  const std::string host = request.get_header_value("Host");
  if (is_host(host)) return {};
  return invalid(
      fmt::format("the request's Host, \"{}\", is no HOST[:PORT] with an address of IPv6 "
                  "in brackets",
                  shown(host)));
}

/// A parameter of the content type in the client's spelling, without quotes; empty: none was given.
std::string parameter(const std::string& type, std::string_view name) {
  std::string_view rest = type;
  while (true) {
    const size_t semicolon = rest.find(';');
    if (semicolon == std::string_view::npos) return "";
    rest.remove_prefix(semicolon + 1);
    const std::string_view one = trimmed(rest.substr(0, rest.find(';')));
    const size_t equals = one.find('=');
    if (equals == std::string_view::npos || !is_same_word(trimmed(one.substr(0, equals)), name))
      continue;
    std::string_view value = trimmed(one.substr(equals + 1));
    if (value.size() > 1 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
}

/// JSON is UTF-8. US-ASCII is a part of UTF-8.
Result<void> check_charset(const httplib::Request& request) {
  const std::string charset = parameter(request.get_header_value("Content-Type"), "charset");
  for (const char* taken : {"", "utf-8", "utf8", "us-ascii"})
    if (is_same_word(charset, taken)) return {};
  return Error{.code = Code::unsupported_media,
               .message = fmt::format("charset {} is not taken; send UTF-8", shown(charset))};
}

}  // namespace

void use_absolute_target(httplib::Request& request) {
  const std::string target = request.target;
  const size_t scheme = target.find("://");
  const std::string_view name = std::string_view(target).substr(0, scheme);
  if (!is_same_word(name, "http") && !is_same_word(name, "https")) return;
  const size_t host = scheme + 3, path = std::min(target.find_first_of("/?", host), target.size());
  request.target = target.substr(path);
  if (!request.target.starts_with('/')) request.target.insert(0, 1, '/');
  request.path = httplib::decode_path_component(request.target.substr(0, request.target.find('?')));
  // A request with no Host or with two stays wrong.
  if (request.get_header_value_count("Host") != 1) return;
  request.headers.erase("Host");
  request.headers.emplace("Host", target.substr(host, path - host));
}

Result<void> check_framing(const httplib::Request& request) {
  if (auto host = check_host(request); !host) return host;
  if (request.target.size() > kMaxTarget) {
    return invalid(
        fmt::format("the path has {} bytes; the limit is {}", request.target.size(), kMaxTarget));
  }
  if (request.has_header("Transfer-Encoding") && request.version == "HTTP/1.0")
    return invalid("Transfer-Encoding does not exist in HTTP/1.0");
  const std::string length = request.get_header_value("Content-Length", "0");
  if (!is_digits(length))
    return invalid(fmt::format("Content-Length is \"{}\", not a number", shown(length)));
  bool bodiless =
      request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
  if (bodiless && has_body(request)) return invalid(request.method + " takes no body");
  return {};
}

Result<void> check_length(const httplib::Request& request, size_t most) {
  const std::string text = request.get_header_value("Content-Length", "0");
  const std::string_view digits =
      std::string_view(text).substr(std::min(text.find_first_not_of('0'), text.size() - 1));
  const auto length = plain_number(digits);
  if (length && static_cast<size_t>(*length) <= most) return {};
  return Error{.code = Code::too_large,
               .message = fmt::format("body has {} bytes; the limit is {}", shown(digits), most)};
}

Result<void> check_media(const httplib::Request& request) {
  if (request.get_header_value_count("Content-Type") > 1)
    return invalid("the request has more than one Content-Type");
  std::string coding = request.get_header_value("Content-Encoding");
  if (!coding.empty() && !is_same_word(coding, "identity")) {
    return Error{.code = Code::unsupported_media,
                 .message = fmt::format("Content-Encoding {} is not taken", coding.substr(0, 40))};
  }
  if (auto charset = check_charset(request); !charset) return charset;
  const std::string media = media_type(request);
  // `curl -d` sends this type if none is given.
  constexpr std::string_view kCurl = "application/x-www-form-urlencoded";
  if (media.empty() || is_same_word(media, "application/json") || is_same_word(media, kCurl))
    return {};
  return Error{.code = Code::unsupported_media,
               .message = fmt::format("Content-Type {} is not taken; send application/json",
                                      media.substr(0, 80))};
}

Result<void> read_caller_headers(const httplib::Request& request, serve::Caller& caller) {
  auto max_wait = milliseconds_header(request, "x-weir-max-wait-ms", 0);
  if (!max_wait) return max_wait.error();
  auto deadline = milliseconds_header(request, "x-weir-deadline-ms", 1);
  if (!deadline) return deadline.error();
  caller.max_wait = *max_wait;
  caller.timeout = *deadline;
  return {};
}

Result<bool> read_dry_run(const httplib::Request& request) {
  constexpr const char* kName = "x-weir-dry-run";
  if (!request.has_header(kName)) return false;
  std::string text = request.get_header_value(kName);
  if (is_same_word(text, "true")) return true;
  if (is_same_word(text, "false")) return false;
  return invalid(
      fmt::format("header {} must be true or false, not \"{}\"", kName, text.substr(0, 40)), kName);
}

Result<bool> read_notes(const httplib::Request& request) {
  constexpr const char* kName = "x-weir-notes";
  if (!request.has_header(kName)) return false;
  const std::string text = request.get_header_value(kName);
  if (is_same_word(text, "waiting")) return true;
  return invalid(fmt::format("header {} must be waiting, not \"{}\"", kName, text.substr(0, 40)),
                 kName);
}

bool is_same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string media_type(const httplib::Request& request) {
  const std::string type = request.get_header_value("Content-Type");
  return std::string(trimmed(std::string_view(type).substr(0, type.find(';'))));
}

std::string secret_of(const httplib::Request& request, const api::Dialect& dialect) {
  const std::string_view scheme = dialect.secret_scheme;
  const std::string credentials = request.get_header_value(std::string(dialect.secret_header));
  const std::string_view text = credentials;
  if (scheme.empty()) return std::string(trimmed(text));
  const bool has_scheme = is_same_word(text.substr(0, scheme.size()), scheme) &&
                          text.substr(scheme.size()).starts_with(' ');
  return has_scheme ? std::string(trimmed(text.substr(scheme.size()))) : "";
}

bool is_framed(const httplib::Request& request) {
  return request.has_header("Transfer-Encoding") || request.has_header("Content-Length");
}

bool has_body(const httplib::Request& request) {
  return request.has_header("Transfer-Encoding") ||
         (request.has_header("Content-Length") &&
          request.get_header_value("Content-Length") != "0");
}

bool wants_close(const httplib::Request& request) {
  if (request.version == "HTTP/1.0") return true;
  std::string connection = request.get_header_value("Connection");
  std::string_view rest = connection;
  while (!rest.empty()) {
    size_t comma = std::min(rest.find(','), rest.size());
    if (is_same_word(trimmed(rest.substr(0, comma)), "close")) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

bool is_sane_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c == ':' || c == '-';
  });
}

std::optional<std::string> match_path(std::string_view pattern, std::string_view path) {
  size_t hole = pattern.find("{id}");
  if (hole == std::string_view::npos) {
    return path == pattern ? std::optional<std::string>("") : std::nullopt;
  }
  if (path.size() <= hole || path.substr(0, hole) != pattern.substr(0, hole)) return std::nullopt;
  return std::string(path.substr(hole));
}

}  // namespace weir::http
