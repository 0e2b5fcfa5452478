#include "weir/folder/json_file.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "weir/base/access.h"
#include "weir/base/excerpt.h"
#include "weir/base/file.h"

namespace weir::folder {

using nlohmann::json;

Result<JsonFile> JsonFile::read(const std::string& path, const std::vector<std::string>& skip) {
  JsonFile file;
  file.path_ = path;
  const auto there = is_there(path);
  if (!there) return there.error();
  if (!*there) return file;
  const auto text = read_json_file(path);
  if (!text) return text.error();
  const auto keep = [&](int, json::parse_event_t event, json& parsed) {
    return event != json::parse_event_t::key ||
           std::find(skip.begin(), skip.end(), parsed.get_ref<const std::string&>()) == skip.end();
  };
  file.object_ = json::parse(*text, keep, false);
  if (!file.object_.is_object()) return invalid(path + " is no JSON object");
  file.exists_ = true;
  return file;
}

JsonFile::JsonFile(std::string path, json object)
    : path_(std::move(path)), object_(std::move(object)), exists_(true) {}

const json* JsonFile::find(const char* field) const {
  read_->insert(field);
  const auto found = object_.find(field);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

Result<std::optional<double>> JsonFile::number(const char* field) const {
  const json* value = find(field);
  if (!value) return std::optional<double>();
  if (!value->is_number()) return wrong(field, "a number is wanted");
  return std::optional<double>(value->get<double>());
}

Result<std::optional<double>> JsonFile::number_within(const char* field, double low,
                                                      double high) const {
  auto value = number(field);
  if (value && *value && !(**value >= low && **value <= high))
    return wrong(field, fmt::format("{} to {} is allowed", low, high));
  return value;
}

Result<std::optional<std::string>> JsonFile::text(const char* field) const {
  const json* value = find(field);
  if (!value) return std::optional<std::string>();
  if (!value->is_string()) return wrong(field, "a string is wanted");
  return std::optional<std::string>(value->get<std::string>());
}

Result<std::optional<bool>> JsonFile::boolean(const char* field) const {
  const json* value = find(field);
  if (!value) return std::optional<bool>();
  if (!value->is_boolean()) return wrong(field, "true or false is wanted");
  return std::optional<bool>(value->get<bool>());
}

Error JsonFile::wrong(const char* field, const std::string& what) const {
  return invalid(fmt::format("{}: {} is {}; {}", path_, field,
                             find(field) ? excerpt(find(field)->dump()) : "absent", what));
}

Result<std::vector<std::string>> JsonFile::review(std::initializer_list<FieldTable> tables) const {
  FieldReview review = review_fields(object_, *read_, tables);
  if (review.refusal) return invalid(path_ + ": " + *review.refusal);
  const std::string name = std::filesystem::path(path_).filename().string();
  for (std::string& note : review.notes) note = name + ": " + note;
  return std::move(review.notes);
}

}  // namespace weir::folder
