#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::http {

using Json = nlohmann::json;

/// Thrown within codecs only; decode() turns it into the Error that it holds.
struct Refusal {
  Error error;
};
[[noreturn]] void refuse(std::string message, std::string param);

/// One JSON object being read. Each getter takes a field off the list of unknown ones; null counts
/// as absent. Messages and `param` name a field by its path, as in `messages[2].content`. All throw
/// Refusal.
class Fields {
 public:
  Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  /// Null if absent.
  const Json* find(const char* name);
  const Json& required(const char* name);

  std::optional<std::string> text(const char* name);
  std::optional<bool> flag(const char* name);
  /// A whole number; 5.0 is one.
  std::optional<int64_t> integer(const char* name, int64_t least, int64_t most);
  std::optional<double> number(const char* name, double least, double most);
  const Json* object(const char* name);
  const Json* array(const char* name);

  std::string path_of(std::string_view name) const;
  /// Refuses the first field that nobody asked for.
  void no_others() const;

 private:
  const Json& object_;
  std::string path_;
  std::set<std::string_view> known_;
};

/// The same for values that stand in lists; `path` names the value.
std::string text_at(const Json& value, const std::string& path);
int64_t integer_at(const Json& value, const std::string& path, int64_t least, int64_t most);
const Json& object_at(const Json& value, const std::string& path);
/// "a string", "null", ...
std::string kind_of(const Json& value);
std::string element(const std::string& path, size_t index);

/// Parses a body strictly: one object, valid UTF-8, no field twice, nested at most 100 deep; then
/// lets `read` take it. Fields that `read` leaves are refused.
Result<void> decode(const std::string& body, const std::function<void(Fields&)>& read);

}  // namespace weir::http
