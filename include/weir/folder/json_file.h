#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/result.h"
#include "weir/folder/known_fields.h"

namespace weir::folder {

/// A JSON object in a file, read by field; a wrong type is an error that names file and field. An
/// absent file reads as an empty object, an absent or null field as none. Remembers which fields
/// were asked for, so that review() knows the others; copies share that. Used by one thread.
class JsonFile {
 public:
  /// Values of fields called as one in `skip` are not kept (they are large and nobody asks).
  static Result<JsonFile> read(const std::string& path, const std::vector<std::string>& skip = {});
  JsonFile() = default;
  JsonFile(std::string path, nlohmann::json object);

  bool exists() const { return exists_; }
  const nlohmann::json* find(const char* field) const;  // null: absent
  Result<std::optional<double>> number(const char* field) const;
  Result<std::optional<double>> number_within(const char* field, double low, double high) const;
  Result<std::optional<std::string>> text(const char* field) const;
  Result<std::optional<bool>> boolean(const char* field) const;
  Error wrong(const char* field, const std::string& what) const;
  const std::string& path() const { return path_; }

  /// What the log is to say of the fields that nobody asked for: each begins with the file's name.
  /// Errors: a field that is refused.
  Result<std::vector<std::string>> review(std::initializer_list<FieldTable> tables) const;

 private:
  std::string path_;
  nlohmann::json object_ = nlohmann::json::object();
  bool exists_ = false;
  std::shared_ptr<FieldsRead> read_ = std::make_shared<FieldsRead>();
};

}  // namespace weir::folder
