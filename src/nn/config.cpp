#include "weir/nn/config.h"

#include <filesystem>
#include <limits>

#include "weir/base/excerpt.h"
#include "weir/base/file.h"

namespace weir::nn {

namespace {

// What is read is computed as float32.
constexpr double kMostFloat = std::numeric_limits<float>::max();
constexpr const char* kMostText = "3.4e+38";

/// A value as a message repeats it.
std::string shown(const nlohmann::json& value) { return excerpt(value.dump()); }

nlohmann::json parse(const std::string& path) {
  const auto text = read_json_file(path);
  if (!text) throw LoadError(text.error().message);
  return nlohmann::json::parse(*text, nullptr, false);
}

}  // namespace

ConfigFile ConfigFile::read(const std::string& path) { return ConfigFile(path, parse(path)); }

ConfigFile::ConfigFile(std::string path, nlohmann::json object)
    : path_(std::move(path)), object_(std::move(object)) {
  if (!object_.is_object()) throw LoadError(path_ + " is not a JSON object");
}

const nlohmann::json* ConfigFile::find(const char* field) const {
  read_->insert(prefix_ + field);
  auto found = object_.find(field);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool ConfigFile::has(const char* field) const { return find(field) != nullptr; }

bool ConfigFile::is_null(const char* field) const { return !has(field) && object_.contains(field); }

int64_t ConfigFile::integer(const char* field) const {
  const auto* value = find(field);
  if (!value) refuse(std::string(field) + " is missing");
  return integer(field, 0);
}

int64_t ConfigFile::integer(const char* field, int64_t otherwise) const {
  const auto* value = find(field);
  if (!value) return otherwise;
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!value->is_number_integer() ||
      (value->is_number_unsigned() && value->get<uint64_t>() > kMost))
    refuse(std::string(field) + " is " + shown(*value) + ", not an integer of 64 bits");
  return value->get<int64_t>();
}

int64_t ConfigFile::size(const char* field) const {
  if (!find(field)) refuse(std::string(field) + " is missing");
  return size(field, 0);
}

int64_t ConfigFile::size(const char* field, int64_t otherwise) const {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (!find(field)) return otherwise;
  const int64_t value = integer(field, 0);
  if (value < 1 || value > kMost)
    refuse(std::string(field) + " is " + std::to_string(value) + "; 1 to " + std::to_string(kMost) +
           " is possible");
  return value;
}

double ConfigFile::number(const char* field, double otherwise) const {
  const auto* value = find(field);
  if (!value) return otherwise;
  if (!value->is_number()) refuse(std::string(field) + " is " + shown(*value) + ", not a number");
  return value->get<double>();
}

double ConfigFile::positive(const char* field, double otherwise) const {
  const double value = number(field, otherwise);
  if (value > 0 && value <= kMostFloat) return value;
  refuse(std::string(field) + " is " + shown(object_[field]) + "; more than 0 and at most " +
         kMostText + " is possible");
}

double ConfigFile::not_negative(const char* field, double otherwise) const {
  const double value = number(field, otherwise);
  if (value >= 0 && value <= kMostFloat) return value;
  refuse(std::string(field) + " is " + shown(object_[field]) + "; 0 to " + kMostText +
         " is possible");
}

bool ConfigFile::boolean(const char* field, bool otherwise) const {
  const auto* value = find(field);
  if (!value) return otherwise;
  if (!value->is_boolean())
    refuse(std::string(field) + " is " + shown(*value) + ", not true or false");
  return value->get<bool>();
}

std::string ConfigFile::text(const char* field) const {
  if (!find(field)) refuse(std::string(field) + " is missing");
  return text(field, "");
}

std::string ConfigFile::text(const char* field, const std::string& otherwise) const {
  const auto* value = find(field);
  if (!value) return otherwise;
  if (!value->is_string()) refuse(std::string(field) + " is " + shown(*value) + ", not a string");
  return value->get<std::string>();
}

std::optional<ConfigFile> ConfigFile::object(const char* field) const {
  const auto* value = find(field);
  if (!value) return std::nullopt;
  if (!value->is_object()) refuse(std::string(field) + " is " + shown(*value) + ", not an object");
  ConfigFile inside(path_ + ": " + field, *value);
  inside.prefix_ = prefix_ + field + '.';
  inside.read_ = read_;
  return inside;
}

std::optional<ConfigFile> ConfigFile::first_object(
    std::initializer_list<const char*> fields) const {
  for (const char* field : fields)
    if (auto found = object(field)) return found;
  return std::nullopt;
}

std::vector<ConfigFile> ConfigFile::objects(const char* field) const {
  std::vector<ConfigFile> all;
  const auto* value = find(field);
  if (!value) return all;
  if (!value->is_array()) refuse(std::string(field) + " is " + shown(*value) + ", not a list");
  for (size_t i = 0; i < value->size(); ++i) {
    const std::string name = std::string(field) + '[' + std::to_string(i) + ']';
    if (!(*value)[i].is_object()) refuse(name + " is " + shown((*value)[i]) + ", not an object");
    all.push_back(ConfigFile(path_ + ": " + name, (*value)[i]));
  }
  return all;
}

std::vector<std::string> ConfigFile::texts(const char* field) const {
  std::vector<std::string> result;
  const auto* value = find(field);
  if (!value || !value->is_array()) return result;
  for (const auto& each : *value)
    if (each.is_string()) result.push_back(each.get<std::string>());
  return result;
}

std::vector<std::string> ConfigFile::review(
    std::initializer_list<folder::FieldTable> tables) const {
  folder::FieldReview review = folder::review_fields(object_, *read_, tables);
  if (review.refusal) refuse(*review.refusal);
  const std::string name = std::filesystem::path(path_).filename().string();
  for (std::string& note : review.notes) note = name + ": " + note;
  return std::move(review.notes);
}

void ConfigFile::refuse_unknown(std::initializer_list<folder::FieldTable> tables) const {
  folder::FieldReview review = folder::review_fields(object_, *read_, tables);
  if (review.refusal) refuse(*review.refusal);
  if (!review.notes.empty()) refuse(review.notes.front());
}

void ConfigFile::refuse(const std::string& why) const { throw LoadError(path_ + ": " + why); }

}  // namespace weir::nn
