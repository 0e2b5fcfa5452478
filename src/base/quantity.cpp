#include "weir/base/quantity.h"

#include <algorithm>
#include <charconv>

namespace weir {
namespace {

constexpr size_t kMostDecimals = 6;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_called(std::string_view text, const Unit& unit) {
  return std::ranges::equal(text, unit.name, {}, lower);
}

/// Takes the digits at the text's beginning.
std::string_view take_digits(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, is_digit);
  const auto digits = text.substr(0, static_cast<size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

std::optional<int64_t> whole_of(std::string_view digits) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return failure == std::errc{} ? std::optional(number) : std::nullopt;
}

/// The fraction of `size` that the decimals are, rounded down.
int64_t fraction_of(std::string_view decimals, int64_t size) {
  int64_t number = 0, ten = 1;
  for (const char c : decimals) {
    number = number * 10 + (c - '0');
    ten *= 10;
  }
  return size / ten * number + size % ten * number / ten;
}

}  // namespace

std::optional<int64_t> parse_quantity(std::string_view text, std::span<const Unit> units,
                                      int64_t most) {
  const auto whole = whole_of(take_digits(text));
  if (!whole) return std::nullopt;
  std::string_view decimals;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    decimals = take_digits(text);
    if (decimals.empty() || decimals.size() > kMostDecimals) return std::nullopt;
  }
  if (text.size() > 1 && text.front() == ' ') text.remove_prefix(1);
  const auto unit = std::ranges::find_if(units, [&](const Unit& u) { return is_called(text, u); });
  if (unit == units.end() || *whole > most / unit->size) return std::nullopt;
  const int64_t sum = *whole * unit->size + fraction_of(decimals, unit->size);
  return sum <= most ? std::optional(sum) : std::nullopt;
}

}  // namespace weir
