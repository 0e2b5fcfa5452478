#include "app/setting.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "app/words.h"
#include "weir/base/quantity.h"
#include "weir/traffic/duration.h"

namespace weir::app {
namespace {

constexpr const char* kAuto = "auto";

constexpr int64_t kKiB = int64_t{1} << 10, kMiB = kKiB << 10, kGiB = kMiB << 10, kTiB = kGiB << 10;

// As `docker run --memory` reads them: each letter is a power of 1024.
constexpr std::array kSizeUnits{
    Unit{"", 1},       Unit{"b", 1},     Unit{"k", kKiB},  Unit{"kb", kKiB},  Unit{"ki", kKiB},
    Unit{"kib", kKiB}, Unit{"m", kMiB},  Unit{"mb", kMiB}, Unit{"mi", kMiB},  Unit{"mib", kMiB},
    Unit{"g", kGiB},   Unit{"gb", kGiB}, Unit{"gi", kGiB}, Unit{"gib", kGiB}, Unit{"t", kTiB},
    Unit{"tb", kTiB},  Unit{"ti", kTiB}, Unit{"tib", kTiB}};

std::string size_text(int64_t bytes) {
  if (bytes < 0) return kAuto;
  for (const auto& [unit, size] : {std::pair("TiB", kTiB), std::pair("GiB", kGiB),
                                   std::pair("MiB", kMiB), std::pair("KiB", kKiB)}) {
    if (bytes >= size && bytes % size == 0) return std::to_string(bytes / size) + unit;
  }
  return std::to_string(bytes);
}

std::optional<int64_t> parse_size(const Setting& setting, std::string_view text) {
  if (setting.has_auto && text == kAuto) return -1;
  const auto bytes = parse_quantity(text, kSizeUnits, setting.most);
  return bytes && *bytes >= setting.least ? bytes : std::nullopt;
}

std::optional<Value> parse(const Setting& setting, const std::string& text) {
  switch (setting.kind) {
    case Kind::text:
    case Kind::secret:
      return text;
    case Kind::list:
      return text.empty() ? std::vector<std::string>{} : std::vector<std::string>{text};
    case Kind::whole: {
      if (setting.has_auto && text == kAuto) return int64_t{-1};
      int64_t number = 0;
      const char* last = text.data() + text.size();
      const auto [end, failure] = std::from_chars(text.data(), last, number);
      if (failure != std::errc{} || end != last) return std::nullopt;
      if (number < setting.least || number > setting.most) return std::nullopt;
      return number;
    }
    case Kind::toggle:
      if (text == "true" || text == "1") return true;
      if (text == "false" || text == "0") return false;
      return std::nullopt;
    case Kind::choice: {
      const auto& all = setting.choices;
      return std::find(all.begin(), all.end(), text) != all.end() ? std::optional<Value>(text)
                                                                  : std::nullopt;
    }
    case Kind::bytes:
      if (auto size = parse_size(setting, text)) return *size;
      return std::nullopt;
    case Kind::duration:
      if (auto duration = traffic::parse_duration(text)) {
        return std::chrono::floor<std::chrono::milliseconds>(*duration);
      }
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::string Setting::variable() const {
  std::string variable = "WEIR_";
  for (char c : name)
    variable += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return variable;
}

std::string Setting::allowed() const {
  const std::string either = has_auto ? "\"auto\" or " : "";
  switch (kind) {
    case Kind::text:
    case Kind::secret:
      return "a text";
    case Kind::list:
      return "a list of texts";
    case Kind::whole:
      return either + "a whole number from " + std::to_string(least) + " to " +
             std::to_string(most);
    case Kind::toggle:
      return "true or false";
    case Kind::choice:
      return "one of " + joined(choices, ", ");
    case Kind::bytes:
      return either + "a size such as 512K, 16MiB, 1.5G, from " + size_text(least) + " to " +
             size_text(most);
    case Kind::duration:
      return "a duration such as 250ms, 2s, 1m, 1h, or a number of seconds";
  }
  return "";
}

std::string Setting::value_word() const {
  if (!word.empty()) return word;
  switch (kind) {
    case Kind::text:
    case Kind::secret:
    case Kind::list:
      return "TEXT";
    case Kind::whole:
      return "N";
    case Kind::toggle:
      return "";
    case Kind::choice:
      return joined(choices, "|");
    case Kind::bytes:
      return "SIZE";
    case Kind::duration:
      return "TIME";
  }
  return "";
}

Result<Value> parse_value(const Setting& setting, const std::string& text) {
  if (setting.settle != nullptr) {
    auto settled = setting.settle(text);
    if (!settled) return invalid(settled.error().message, setting.name);
    return Value(*std::move(settled));
  }
  if (auto value = parse(setting, text)) return *value;
  return invalid("\"" + text + "\" is not " + setting.allowed(), setting.name);
}

std::string shown(const Setting& setting, const Value& value) {
  switch (setting.kind) {
    case Kind::text:
    case Kind::choice:
      return std::get<std::string>(value);
    case Kind::secret:
      return std::get<std::string>(value).empty() ? "" : "(set)";
    case Kind::list:
      return joined(std::get<std::vector<std::string>>(value), "; ");
    case Kind::whole:
      return std::get<int64_t>(value) < 0 ? kAuto : std::to_string(std::get<int64_t>(value));
    case Kind::toggle:
      return std::get<bool>(value) ? "true" : "false";
    case Kind::bytes:
      return size_text(std::get<int64_t>(value));
    case Kind::duration:
      return traffic::to_string(std::get<std::chrono::milliseconds>(value));
  }
  return "";
}

}  // namespace weir::app
