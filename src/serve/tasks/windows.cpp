#include "serve/tasks/windows.h"

#include <algorithm>
#include <string>

namespace weir::serve {

namespace {

/// Tokens of an encoding, `end` exclusive.
struct Stretch {
  uint32_t begin = 0;
  uint32_t end = 0;

  uint32_t size() const { return end - begin; }
};

/// The tokens of the text itself, between those that the template puts around it.
Stretch text_of(const text::Encoding& encoding) {
  const auto size = static_cast<uint32_t>(encoding.size());
  Stretch own{.begin = 0, .end = size};
  while (own.begin < size && encoding.texts[own.begin] < 0) ++own.begin;
  // Without a text all tokens of the template count as its beginning.
  while (own.end > own.begin && encoding.texts[own.end - 1] < 0) --own.end;
  return own;
}

Result<uint32_t> room_of(const text::Encoding& encoding, Stretch own, size_t limit) {
  const size_t around = encoding.size() - own.size();
  if (around < limit || (around == limit && own.size() == 0)) {
    return static_cast<uint32_t>(std::min<size_t>(limit - around, own.size()));
  }
  return invalid("the model takes " + std::to_string(limit) + " tokens; its tokenizer puts " +
                 std::to_string(around) + " around a text");
}

/// The parts that no window divides: words, or parts of a word that is longer than `room`.
std::vector<Stretch> parts_of(const text::Encoding& encoding, Stretch own, uint32_t room) {
  std::vector<Stretch> parts;
  for (uint32_t token = own.begin; token < own.end; ++token) {
    const bool goes_on = token > own.begin && encoding.words[token] == encoding.words[token - 1];
    if (!goes_on || parts.back().size() == room) parts.push_back({token, token});
    parts.back().end = token + 1;
  }
  return parts;
}

/// For each window its tokens of the text.
std::vector<Stretch> stretches_of(std::span<const Stretch> parts, uint32_t room) {
  std::vector<Stretch> stretches;
  size_t from = 0;
  while (from < parts.size()) {
    size_t to = from + 1;
    while (to < parts.size() && parts[to].end - parts[from].begin <= room) ++to;
    const uint32_t end = parts[to - 1].end;
    stretches.push_back({parts[from].begin, end});
    if (to == parts.size()) break;
    while (from < to &&
           (end - parts[from].begin > room / 4 || parts[to].end - parts[from].begin > room)) {
      ++from;
    }
  }
  return stretches;
}

/// How far the tokens of `part` are from the nearer edge of a window that has `stretch`.
uint32_t distance(Stretch part, Stretch stretch) {
  return std::min(part.begin - stretch.begin, stretch.end - part.end);
}

/// For each window the tokens that are taken from it.
std::vector<Stretch> taken_of(std::span<const Stretch> stretches, std::span<const Stretch> parts) {
  std::vector<Stretch> taken(stretches.size());
  size_t first = 0;  // window that `part` may be in
  for (const Stretch part : parts) {
    while (stretches[first].end < part.end) ++first;
    size_t best = first;
    for (size_t i = first + 1; i < stretches.size() && stretches[i].begin <= part.begin; ++i) {
      if (distance(part, stretches[i]) > distance(part, stretches[best])) best = i;
    }
    if (taken[best].size() == 0) taken[best].begin = part.begin;
    taken[best].end = part.end;
  }
  return taken;
}

uint32_t first_unit_at(std::span<const LabelUnit> units, uint32_t token) {
  return static_cast<uint32_t>(std::ranges::lower_bound(units, token, {}, &LabelUnit::token) -
                               units.begin());
}

Window window_of(const text::Encoding& encoding, std::span<const LabelUnit> units,
                 Stretch stretch) {
  const Stretch own = text_of(encoding);
  const std::vector<int32_t>& all = encoding.ids;
  Window window;
  window.ids.assign(all.begin(), all.begin() + own.begin);
  window.ids.insert(window.ids.end(), all.begin() + stretch.begin, all.begin() + stretch.end);
  window.ids.insert(window.ids.end(), all.begin() + own.end, all.end());
  const uint32_t first = first_unit_at(units, stretch.begin);
  for (const LabelUnit& unit : units.subspan(first)) {
    if (unit.token >= stretch.end) break;
    window.reads.push_back(unit.token - stretch.begin + own.begin);
  }
  const auto count = static_cast<uint32_t>(window.reads.size());
  window.units = {.first = first, .count = count, .taken_from = first, .taken_to = first + count};
  return window;
}

}  // namespace

Result<std::vector<Window>> windows_of(const text::Encoding& encoding,
                                       std::span<const LabelUnit> units, size_t limit) {
  const Stretch own = text_of(encoding);
  const auto room = room_of(encoding, own, limit);
  if (!room) return room.error();
  if (own.size() <= *room) return std::vector{window_of(encoding, units, own)};
  const auto parts = parts_of(encoding, own, *room);
  const auto stretches = stretches_of(parts, *room);
  const auto taken = taken_of(stretches, parts);
  std::vector<Window> windows;
  for (size_t i = 0; i < stretches.size(); ++i) {
    const uint32_t from = first_unit_at(units, taken[i].begin);
    const uint32_t to = first_unit_at(units, taken[i].end);
    if (from == to) continue;
    windows.push_back(window_of(encoding, units, stretches[i]));
    windows.back().units.taken_from = from;
    windows.back().units.taken_to = to;
  }
  return windows;
}

Result<Window> cut_window(const text::Encoding& encoding, std::span<const LabelUnit> units,
                          size_t limit) {
  const Stretch own = text_of(encoding);
  const auto room = room_of(encoding, own, limit);
  if (!room) return room.error();
  return window_of(encoding, units, {own.begin, own.begin + *room});
}

std::vector<float> merge_windows(std::span<const WindowUnits> windows,
                                 std::span<const std::span<const float>> numbers, size_t columns) {
  std::vector<float> merged;
  for (size_t i = 0; i < windows.size(); ++i) {
    const WindowUnits& window = windows[i];
    const auto lines = numbers[i].subspan((window.taken_from - window.first) * columns,
                                          (window.taken_to - window.taken_from) * columns);
    merged.insert(merged.end(), lines.begin(), lines.end());
  }
  return merged;
}

}  // namespace weir::serve
