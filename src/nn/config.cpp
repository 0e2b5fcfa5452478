#include "weir/nn/config.h"

#include <fstream>

namespace weir::nn {

namespace {

nlohmann::json parse(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw LoadError(path + " cannot be read");
  return nlohmann::json::parse(file, nullptr, false);
}

}  // namespace

ConfigFile ConfigFile::read(const std::string& path) { return ConfigFile(path, parse(path)); }

ConfigFile ConfigFile::read_list(const std::string& path) {
  nlohmann::json list = parse(path);
  if (!list.is_array()) throw LoadError(path + " is not a JSON array");
  return ConfigFile(path, {{"modules", std::move(list)}});
}

ConfigFile::ConfigFile(std::string path, nlohmann::json object)
    : path_(std::move(path)), object_(std::move(object)) {
  if (!object_.is_object()) throw LoadError(path_ + " is not a JSON object");
}

const nlohmann::json* ConfigFile::find(const char* field) const {
  auto found = object_.find(field);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool ConfigFile::has(const char* field) const { return find(field) != nullptr; }

int64_t ConfigFile::integer(const char* field) const {
  const auto* value = find(field);
  if (!value) refuse(std::string(field) + " is missing");
  return integer(field, 0);
}

int64_t ConfigFile::integer(const char* field, int64_t otherwise) const {
  const auto* value = find(field);
  if (!value) return otherwise;
  if (!value->is_number_integer())
    refuse(std::string(field) + " is " + value->dump() + ", not an integer");
  return value->get<int64_t>();
}

double ConfigFile::number(const char* field, double otherwise) const {
  const auto* value = find(field);
  if (!value) return otherwise;
  if (!value->is_number()) refuse(std::string(field) + " is " + value->dump() + ", not a number");
  return value->get<double>();
}

bool ConfigFile::boolean(const char* field, bool otherwise) const {
  const auto* value = find(field);
  if (!value) return otherwise;
  if (!value->is_boolean())
    refuse(std::string(field) + " is " + value->dump() + ", not true or false");
  return value->get<bool>();
}

std::string ConfigFile::text(const char* field, const std::string& otherwise) const {
  const auto* value = find(field);
  if (!value) return otherwise;
  if (!value->is_string()) refuse(std::string(field) + " is " + value->dump() + ", not a string");
  return value->get<std::string>();
}

std::optional<ConfigFile> ConfigFile::object(const char* field) const {
  const auto* value = find(field);
  if (!value) return std::nullopt;
  if (!value->is_object()) refuse(std::string(field) + " is " + value->dump() + ", not an object");
  return ConfigFile(path_ + ": " + field, *value);
}

std::optional<ConfigFile> ConfigFile::first_object(
    std::initializer_list<const char*> fields) const {
  for (const char* field : fields)
    if (auto found = object(field)) return found;
  return std::nullopt;
}

void ConfigFile::refuse(const std::string& why) const { throw LoadError(path_ + ": " + why); }

}  // namespace weir::nn
