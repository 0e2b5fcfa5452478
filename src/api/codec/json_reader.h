#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/codec/unknown_fields.h"
#include "weir/base/error_name.h"
#include "weir/base/result.h"

namespace weir::api {

/// Keeps the order of an object's fields. To find a field it searches all of them.
using Json = nlohmann::ordered_json;

/// Thrown within codecs only; decode() turns it into the Error that it holds.
struct Refusal {
  Error error;
};
/// `name`: one of error_name.h, or null.
[[noreturn]] void refuse(std::string message, std::string param, const char* name);

/// One JSON object that is being read. A field that a reader asked for is known; the others are
/// unknown. null counts as absent. Messages and `param` name a field by its path, such as
/// `messages[2].content`. All functions throw Refusal.
class Fields {
 public:
  /// `unknown` outlives it.
  Fields(const Json& object, std::string path, UnknownFields& unknown)
      : object_(object), path_(std::move(path)), unknown_(unknown) {
    known_.reserve(path_.empty() ? kFieldsOfBody : 0);
  }
  /// An object within this one.
  Fields inner(const Json& value, std::string path) const;

  /// Null if absent. `name` is static text.
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
  /// Gives the fields that no reader asked for to `unknown`.
  void no_others() const;

 private:
  static constexpr size_t kFieldsOfBody = 96;  // about as many as a codec asks for

  const Json& object_;
  std::string path_;
  UnknownFields& unknown_;
  std::vector<std::string_view> known_;
};

/// The same for values that stand in lists; `path` names the value.
std::string text_at(const Json& value, const std::string& path);
int64_t integer_at(const Json& value, const std::string& path, int64_t least, int64_t most);
const Json& object_at(const Json& value, const std::string& path);
/// "a string", "null", ...
std::string kind_of(const Json& value);
std::string element(const std::string& path, size_t index);

/// Parses a body strictly: one object, valid UTF-8, no field twice, nested at most 100 deep, at
/// most 4,194,304 numbers and 250,000 other values and names. Then calls `read`. `unknown` gets the
/// fields that `read` did not ask for.
Result<void> decode(const std::string& body, UnknownFields& unknown,
                    const std::function<void(Fields&)>& read);

}  // namespace weir::api
