#include "api/json_text.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace weir::api {
namespace {

bool is_plain(std::string_view text) {
  for (char c : text) {
    auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code >= 0x7F || c == '"' || c == '\\') return false;
  }
  return true;
}

template <class Value, class... Format>
std::string& append_number(std::string& out, Value value, Format... format) {
  char text[64];
  auto end = std::to_chars(text, text + sizeof text, value, format...).ptr;
  return out.append(text, end);
}

template <class Values, class Append>
std::string& append_list(std::string& out, const Values& values, Append append) {
  out += '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append(values[i]);
  }
  return out += ']';
}

}  // namespace

std::string& append_json(std::string& out, std::string_view text) {
  if (is_plain(text)) return out.append(1, '"').append(text).append(1, '"');
  return out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string& append_json(std::string& out, int64_t value) { return append_number(out, value); }

std::string& append_json(std::string& out, std::span<const int32_t> ids) {
  return append_list(out, ids, [&](int32_t id) { append_number(out, id); });
}

std::string& append_json(std::string& out, std::span<const float> values) {
  return append_list(out, values, [&](float value) {
    std::isfinite(value) ? append_number(out, value) : out += "null";
  });
}

std::string& append_float(std::string& out, float value) { return append_number(out, value); }

std::string& append_ms(std::string& out, double value) {
  return append_number(out, std::isfinite(value) ? value : 0.0, std::chars_format::fixed, 3);
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0);
    }
    for (size_t k = 0; k < 4; ++k) {
      out += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

}  // namespace weir::api
