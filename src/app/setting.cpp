#include "app/setting.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "weir/traffic/duration.h"

namespace weir::app {
namespace {

constexpr const char* kAuto = "auto";

constexpr std::array<std::pair<std::string_view, int64_t>, 5> kSizes{{{"TiB", int64_t{1} << 40},
                                                                      {"GiB", int64_t{1} << 30},
                                                                      {"MiB", int64_t{1} << 20},
                                                                      {"KiB", int64_t{1} << 10},
                                                                      {"", 1}}};

std::string joined(const std::vector<std::string>& items, const std::string& between) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : between) + item;
  return text;
}

std::string size_text(int64_t bytes) {
  if (bytes < 0) return kAuto;
  for (auto [unit, size] : kSizes) {
    if (bytes >= size && bytes % size == 0) return std::to_string(bytes / size) + std::string(unit);
  }
  return "0";
}

/// The whole number before `unit` at the text's end.
std::optional<int64_t> number_before(std::string_view text, std::string_view unit) {
  if (!text.ends_with(unit)) return std::nullopt;
  text.remove_suffix(unit.size());
  int64_t number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<int64_t> parse_size(const Setting& setting, std::string_view text) {
  if (setting.has_auto && text == kAuto) return -1;
  for (auto [unit, size] : kSizes) {
    auto number = number_before(text, unit);
    if (!number) continue;
    if (*number < 0 || *number > setting.most / size) return std::nullopt;
    int64_t bytes = *number * size;
    return bytes >= setting.least ? std::optional(bytes) : std::nullopt;
  }
  return std::nullopt;
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
      auto number = number_before(text, "");
      if (!number || *number < setting.least || *number > setting.most) return std::nullopt;
      return *number;
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
      return either + "a size such as 512KiB, 16MiB, 2GiB, from " + size_text(least) + " to " +
             size_text(most);
    case Kind::duration:
      return "a duration such as 250ms, 2s, 1m, 1h";
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
