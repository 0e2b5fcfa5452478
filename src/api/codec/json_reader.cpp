#include "api/codec/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "weir/base/excerpt.h"

namespace weir::api {
namespace {

constexpr size_t kMaxDepth = 100;
// A number takes 16 bytes of memory; an object or a field's name takes over 100. The limit of
// numbers is the number of tokens that a queue takes. The largest useful request has a tenth of the
// other limit.
constexpr size_t kMaxNumbers = size_t{4} << 20, kMaxValues = 250'000;
constexpr size_t kMaxMessage = 500, kMaxParam = 200;

// Builds the document in the client's order, and refuses what the library accepts though it is not
// strictly valid.
class StrictBuilder {
 public:
  explicit StrictBuilder(Json& root) : root_(root) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(Json::number_integer_t value) { return add(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
  bool number_float(Json::number_float_t value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t& value) { return add(std::move(value)); }
  bool start_object(size_t) {
    keys_.emplace_back();
    return open(Json::object());
  }
  bool key(std::string& name) {
    count(values_);
    if (!keys_.back().insert(name).second) {
      refuse(fmt::format("field \"{}\" is given twice", excerpt(name)), name,
             error_name::kInvalidValue);
    }
    name_ = std::move(name);
    return true;
  }
  bool end_object() {
    keys_.pop_back();
    return close();
  }
  bool start_array(size_t) { return open(Json::array()); }
  bool end_array() { return close(); }
  bool parse_error(size_t, const std::string&, const Json::exception& error) {
    // Skips the library's own "[json.exception.parse_error.101] ".
    std::string_view what = error.what();
    size_t prefix = what.find("] ");
    if (prefix != std::string_view::npos) what.remove_prefix(prefix + 2);
    refuse(fmt::format("the body is not valid JSON: {}", what.substr(0, 300)), "", nullptr);
  }

 private:
  struct Tally {
    const char* what;
    size_t most, seen = 0;
  };

  // Counts while the body is read, before all of it takes memory.
  static void count(Tally& tally) {
    if (++tally.seen > tally.most) {
      refuse(fmt::format("the body has more than {} {}", tally.most, tally.what), "",
             error_name::kArrayAboveMax);
    }
  }
  Json& place(Json&& value) {
    if (open_.empty()) return root_ = std::move(value);
    Json& parent = *open_.back();
    if (parent.is_array()) return parent.get_ref<Json::array_t&>().emplace_back(std::move(value));
    // Appended, not inserted: to insert, the library searches all fields for the name, which takes
    // quadratic time.
    return parent.get_ref<Json::object_t&>()
        .emplace_back(std::move(name_), std::move(value))
        .second;
  }
  bool add(Json value) {
    count(value.is_number() ? numbers_ : values_);
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    count(values_);
    if (open_.size() == kMaxDepth) {
      refuse(fmt::format("the body is nested deeper than {} levels", kMaxDepth), "", nullptr);
    }
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  Json& root_;
  std::vector<Json*> open_;
  std::string name_;  // the field whose value comes next
  std::vector<std::set<std::string>> keys_;
  Tally numbers_{"numbers", kMaxNumbers};
  Tally values_{"names, texts, lists, objects and other values that are no numbers", kMaxValues};
};

[[noreturn]] void wrong_kind(const Json& value, const std::string& path, const char* wanted) {
  refuse(fmt::format("{} must be {}, not {}", path, wanted, kind_of(value)), path,
         error_name::kInvalidType);
}

}  // namespace

void refuse(std::string message, std::string param, const char* name) {
  // They quote names and values of the client, which may be as long as its body.
  if (message.size() > kMaxMessage) message.resize(kMaxMessage);
  if (param.size() > kMaxParam) param.resize(kMaxParam);
  throw Refusal{invalid(std::move(message), std::move(param), name)};
}

std::string kind_of(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "a boolean";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  return value.is_array() ? "an array" : "an object";
}

std::string element(const std::string& path, size_t index) {
  return fmt::format("{}[{}]", path, index);
}

std::string text_at(const Json& value, const std::string& path) {
  if (!value.is_string()) wrong_kind(value, path, "a string");
  return value.get<std::string>();
}

int64_t integer_at(const Json& value, const std::string& path, int64_t least, int64_t most) {
  auto out_of_range = [&](bool below) {
    refuse(fmt::format("{} must be from {} to {}, not {}", path, least, most, value.dump()), path,
           below ? error_name::kIntegerBelowMin : error_name::kIntegerAboveMax);
  };
  if (!value.is_number()) wrong_kind(value, path, "a whole number");
  int64_t result = 0;
  if (value.is_number_float()) {
    double real = value.get<double>();
    if (std::trunc(real) != real) {
      refuse(fmt::format("{} must be a whole number, not {}", path, value.dump()), path,
             error_name::kInvalidType);
    }
    if (std::abs(real) > 9007199254740992.0) out_of_range(real < 0);
    result = static_cast<int64_t>(real);
  } else if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX}) {
    out_of_range(false);
  } else {
    result = value.get<int64_t>();
  }
  if (result < least || result > most) out_of_range(result < least);
  return result;
}

const Json& object_at(const Json& value, const std::string& path) {
  if (!value.is_object()) wrong_kind(value, path, "an object");
  return value;
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

Fields Fields::inner(const Json& value, std::string path) const {
  const Json& object = object_at(value, path);
  return {object, std::move(path), unknown_};
}

const Json* Fields::find(const char* name) {
  const std::string_view wanted = known_.emplace_back(name);
  // The library's own search compares with a text of unknown length, field by field.
  for (const auto& [key, value] : object_.get_ref<const Json::object_t&>())
    if (key == wanted) return value.is_null() ? nullptr : &value;
  return nullptr;
}

const Json& Fields::required(const char* name) {
  const Json* value = find(name);
  if (value) return *value;
  for (const auto& item : object_.items())
    if (!item.value().is_null()) UnknownFields::refuse_if_misspelt(path_, item.key(), name);
  refuse(fmt::format("{} is missing", path_of(name)), path_of(name), error_name::kMissingParameter);
}

std::optional<std::string> Fields::text(const char* name) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  return text_at(*value, path_of(name));
}

std::optional<bool> Fields::flag(const char* name) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_boolean()) wrong_kind(*value, path_of(name), "a boolean");
  return value->get<bool>();
}

std::optional<int64_t> Fields::integer(const char* name, int64_t least, int64_t most) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  return integer_at(*value, path_of(name), least, most);
}

std::optional<double> Fields::number(const char* name, double least, double most) {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_number()) wrong_kind(*value, path_of(name), "a number");
  double real = value->get<double>();
  if (!(real >= least && real <= most)) {
    refuse(
        fmt::format("{} must be from {} to {}, not {}", path_of(name), least, most, value->dump()),
        path_of(name), real < least ? error_name::kDecimalBelowMin : error_name::kDecimalAboveMax);
  }
  return real;
}

const Json* Fields::object(const char* name) {
  const Json* value = find(name);
  return value ? &object_at(*value, path_of(name)) : nullptr;
}

const Json* Fields::array(const char* name) {
  const Json* value = find(name);
  if (value && !value->is_array()) wrong_kind(*value, path_of(name), "an array");
  return value;
}

void Fields::no_others() const {
  for (const auto& item : object_.items()) {
    if (item.value().is_null()) continue;
    const bool known = std::find(known_.begin(), known_.end(), item.key()) != known_.end();
    if (!known) unknown_.meet(path_, item.key(), known_);
  }
}

Result<void> decode(const std::string& body, UnknownFields& unknown,
                    const std::function<void(Fields&)>& read) {
  try {
    Json root;
    StrictBuilder builder(root);
    Json::sax_parse(body, &builder);
    if (!root.is_object()) {
      return invalid(fmt::format("the body must be a JSON object, not {}", kind_of(root)), "",
                     error_name::kInvalidType);
    }
    Fields fields(root, "", unknown);
    read(fields);
    fields.no_others();
    return {};
  } catch (const Refusal& refusal) {
    return refusal.error;
  } catch (const Json::exception& error) {
    return Error{.message = error.what()};
  }
}

}  // namespace weir::api
