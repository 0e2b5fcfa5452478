#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "weir/base/result.h"

namespace weir::serve {

/// A JSON object in a file, read by field; a wrong type is an error that names file and field. An
/// absent file reads as an empty object, an absent or null field as none.
class JsonFile {
 public:
  /// Values of fields called as one in `skip` are not kept (they are large and nobody asks).
  static Result<JsonFile> read(const std::string& path, const std::vector<std::string>& skip = {});

  bool exists() const { return exists_; }
  const nlohmann::json* find(const char* field) const;  // null: absent
  Result<std::optional<double>> number(const char* field) const;
  Result<std::optional<double>> number_within(const char* field, double low, double high) const;
  Error wrong(const char* field, const std::string& what) const;

 private:
  std::string path_;
  nlohmann::json object_ = nlohmann::json::object();
  bool exists_ = false;
};

}  // namespace weir::serve
