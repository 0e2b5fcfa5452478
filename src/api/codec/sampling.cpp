#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "api/codec/parts.h"

namespace weir::api {
namespace {

constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();
constexpr size_t kMostStopIds = 256;

std::optional<float> as_float(std::optional<double> value) {
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

std::string read_short_text(const Json& value, const std::string& path) {
  std::string text = text_at(value, path);
  if (text.empty()) {
    refuse(fmt::format("{} must not be empty", path), path, error_name::kStringBelowMin);
  }
  if (text.size() > serve::kLongestStop) {
    refuse(fmt::format("{} has {} bytes; the limit is {}", path, text.size(), serve::kLongestStop),
           path, error_name::kStringAboveMax);
  }
  return text;
}

std::vector<std::string> read_stops(Fields& fields) {
  const Json* value = fields.find("stop");
  std::string path = fields.path_of("stop");
  if (!value) return {};
  if (value->is_string()) return {read_short_text(*value, path)};
  if (!value->is_array()) {
    refuse(fmt::format("{} must be a string or an array of strings, not {}", path, kind_of(*value)),
           path, error_name::kInvalidType);
  }
  return read_texts(*value, path);
}

// Both 0 and vLLM's -1 mean: no limit.
std::optional<uint32_t> read_top_k(Fields& fields) {
  auto top_k = fields.integer("top_k", -1, kMostTokens);
  if (!top_k) return std::nullopt;
  return static_cast<uint32_t>(std::max<int64_t>(*top_k, 0));
}

std::optional<uint64_t> read_seed(Fields& fields) {
  const Json* value = fields.find("seed");
  if (!value) return std::nullopt;
  if (value->is_number_unsigned()) return value->get<uint64_t>();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  const std::string path = fields.path_of("seed");
  // Digits beyond the range are read as such a number.
  constexpr double kExact = 9007199254740992;  // 2^53
  const double real = value->is_number_float() ? value->get<double>() : 0;
  if (std::abs(real) > kExact)
    refuse(fmt::format("{} must be from {} to {}, not {}", path, kLeast, kMost, value->dump()),
           path, real < 0 ? error_name::kIntegerBelowMin : error_name::kIntegerAboveMax);
  constexpr int64_t kAny = std::numeric_limits<int64_t>::max();
  return static_cast<uint64_t>(integer_at(*value, path, kLeast, kAny));
}

}  // namespace

std::vector<std::string> read_texts(const Json& value, const std::string& path) {
  std::vector<std::string> texts;
  size_t all = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    texts.push_back(read_short_text(value[i], element(path, i)));
    all += texts.back().size();
    if (all <= serve::kMostStopBytes) continue;
    refuse(fmt::format("{} has more than {} bytes in all", path, serve::kMostStopBytes), path,
           error_name::kStringAboveMax);
  }
  return texts;
}

void read_sampling(Fields& fields, serve::Sampling& sampling) {
  sampling.n = static_cast<uint32_t>(fields.integer("n", 1, serve::kMostChoices).value_or(1));
  sampling.temperature = as_float(fields.number("temperature", 0, 2));
  sampling.top_p = as_float(fields.number("top_p", 0, 1));
  sampling.min_p = as_float(fields.number("min_p", 0, 1));
  sampling.top_k = read_top_k(fields);
  sampling.seed = read_seed(fields);
  sampling.min_tokens =
      static_cast<uint32_t>(fields.integer("min_tokens", 0, kMostTokens).value_or(0));
  sampling.ignore_eos = fields.flag("ignore_eos").value_or(false);
  sampling.stop = read_stops(fields);
  if (const Json* ids = fields.array("stop_token_ids")) {
    std::string path = fields.path_of("stop_token_ids");
    if (ids->size() > kMostStopIds) {
      refuse(fmt::format("{} has {} ids; the limit is {}", path, ids->size(), kMostStopIds), path,
             error_name::kArrayAboveMax);
    }
    sampling.stop_token_ids = read_ids(*ids, path);
  }
  sampling.include_stop_str_in_output = fields.flag("include_stop_str_in_output").value_or(false);
  sampling.skip_special_tokens = fields.flag("skip_special_tokens").value_or(true);
  read_logit_changes(fields, sampling);
  read_beams(fields, sampling);
}

std::optional<uint32_t> read_max_tokens(Fields& fields, const char* name, uint32_t least) {
  auto value = fields.integer(name, least, kMostTokens);
  return value ? std::optional(static_cast<uint32_t>(*value)) : std::nullopt;
}

void check_min_tokens(const serve::Sampling& sampling) {
  if (!sampling.max_tokens || sampling.min_tokens <= *sampling.max_tokens) return;
  refuse(fmt::format("min_tokens is {}, over max_tokens, {}", sampling.min_tokens,
                     *sampling.max_tokens),
         "min_tokens", error_name::kIntegerAboveMax);
}

Handling read_handling(Fields& fields) {
  Handling handling;
  if (auto seconds = fields.number("timeout", 0.001, 86400)) {
    handling.timeout = std::chrono::milliseconds(std::llround(*seconds * 1000));
  }
  if (auto priority = fields.integer("priority", 0, 9)) {
    handling.priority = static_cast<int>(*priority);
  }
  return handling;
}

Presentation read_presentation(Fields& fields) {
  Presentation presentation;
  presentation.stream = fields.flag("stream").value_or(false);
  presentation.return_token_ids = fields.flag("return_token_ids").value_or(false);
  const Json* options = fields.object("stream_options");
  if (!options) return presentation;
  const bool is_empty = std::all_of(options->begin(), options->end(),
                                    [](const Json& member) { return member.is_null(); });
  if (!presentation.stream && !is_empty) {
    refuse("stream_options is only allowed with \"stream\": true", "stream_options",
           error_name::kInvalidValue);
  }
  Fields inner = fields.inner(*options, "stream_options");
  presentation.include_usage = inner.flag("include_usage").value_or(false);
  inner.flag("include_obfuscation");  // OpenAI's padding of chunks; weir pads nothing
  presentation.continuous_usage = inner.flag("continuous_usage_stats").value_or(false);
  inner.no_others();
  return presentation;
}

}  // namespace weir::api
