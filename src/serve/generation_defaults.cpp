#include "generation_defaults.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "weir/base/excerpt.h"

namespace weir::serve {
namespace {

using nlohmann::json;

/// The values that requests may give one field.
struct Range {
  const char* field;
  double least, most;
  bool whole = false;
  bool drops = false;  // a value out of range; false: takes the nearest
};

bool is_whole(const json& value) {
  return value.is_number_integer() || std::trunc(value.get<double>()) == value.get<double>();
}

constexpr double kMostTokens = 1e9;
// With this value only the best token is left.
constexpr double kLeastTopP = std::numeric_limits<float>::min();

class Reader {
 public:
  Reader(const folder::JsonFile& file, std::vector<std::string>& notes)
      : file_(file), notes_(notes) {}

  std::optional<double> read(const Range& range) {
    const json* value = file_.find(range.field);
    if (!value) return std::nullopt;
    if (!value->is_number() || (range.whole && !is_whole(*value))) {
      note(range, *value,
           range.whole ? "dropped, a whole number is wanted" : "dropped, a number is wanted");
      return std::nullopt;
    }
    const double given = value->get<double>();
    if (range.drops && !(given >= range.least && given <= range.most)) {
      note(range, *value,
           fmt::format("dropped, {} to {} is wanted", static_cast<float>(range.least), range.most));
      return std::nullopt;
    }
    const double taken = std::clamp(given, range.least, range.most);
    if (taken != given) note(range, *value, fmt::format("{} is used", static_cast<float>(taken)));
    return taken;
  }

 private:
  void note(const Range& range, const json& value, const std::string& what) {
    const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
    notes_.push_back(
        fmt::format("generation_config.json: {} is {}: {}", range.field, excerpt(text), what));
  }

  const folder::JsonFile& file_;
  std::vector<std::string>& notes_;
};

template <class T>
std::optional<T> as(std::optional<double> value) {
  if (!value) return std::nullopt;
  return static_cast<T>(*value);
}

}  // namespace

GenerationDefaults read_defaults(const folder::JsonFile& generation,
                                 std::vector<std::string>& notes) {
  Reader reader(generation, notes);
  GenerationDefaults defaults;
  defaults.temperature = as<float>(reader.read({"temperature", 0, 2}));
  defaults.top_p = as<float>(reader.read({"top_p", kLeastTopP, 1}));
  defaults.min_p = as<float>(reader.read({"min_p", 0, 1}));
  // A penalty near 0 would make a model repeat itself for ever, so one out of range is dropped.
  defaults.repetition_penalty = as<float>(reader.read({.field = "repetition_penalty",
                                                       .least = kLeastRepetitionPenalty,
                                                       .most = kMostRepetitionPenalty,
                                                       .drops = true}));
  if (auto top_k = reader.read({"top_k", -1, kMostTokens, true}))
    defaults.top_k = static_cast<uint32_t>(std::max(0.0, *top_k));
  defaults.max_new_tokens = as<uint32_t>(reader.read(
      {.field = "max_new_tokens", .least = 1, .most = kMostTokens, .whole = true, .drops = true}));
  return defaults;
}

}  // namespace weir::serve
