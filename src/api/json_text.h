#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::api {

/// Each appends a value as JSON text and returns `out`. Invalid UTF-8 becomes U+FFFD.
std::string& append_json(std::string& out, std::string_view text);
std::string& append_json(std::string& out, int64_t value);
std::string& append_json(std::string& out, std::span<const int32_t> ids);
/// The shortest text that reads back as the same floats. A float that is not finite becomes null.
std::string& append_json(std::string& out, std::span<const float> values);
/// The same for one float. REQUIRES: it is finite.
std::string& append_float(std::string& out, float value);
/// Milliseconds with three decimals.
std::string& append_ms(std::string& out, double value);

std::string base64(std::string_view bytes);

}  // namespace weir::api
