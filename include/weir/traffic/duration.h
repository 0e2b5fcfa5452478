#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace weir::traffic {

/// "250ms", "1.5s", "2 minutes", "1h", "1d"; a number alone is seconds (weir/base/quantity.h). The
/// units are us, ms, s, m, h, d and the words for them, in any case. nullopt: anything else, or
/// over 10 years.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

/// The shortest text that parse_duration reads back as `duration`. Whole seconds stay seconds:
/// "60s", "250ms".
std::string to_string(std::chrono::microseconds duration);

/// A duration in Go's form, which OpenAI's reset headers have; rounded up to milliseconds: "0s",
/// "6ms", "1m26.4s".
std::string go_duration(std::chrono::microseconds duration);

}  // namespace weir::traffic
