#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "weir/folder/known_fields.h"

namespace weir::nn {

/// A model folder that cannot be served, with the reason. Thrown while a model is built; the loader
/// turns it into an Error.
class LoadError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A JSON object of a model folder, read with errors that name file, field and value. Remembers
/// which fields were asked for, so that review() knows the others; copies and the objects inside
/// share that. Used by one thread.
class ConfigFile {
 public:
  /// Throws LoadError where the file is missing or is not a JSON object.
  static ConfigFile read(const std::string& path);
  ConfigFile(std::string path, nlohmann::json object);

  bool has(const char* field) const;      // present and not null
  bool is_null(const char* field) const;  // present and null
  int64_t integer(const char* field) const;
  int64_t integer(const char* field, int64_t otherwise) const;
  /// A count of layers, heads, features, ...: at least 1, and as an int32.
  int64_t size(const char* field) const;
  int64_t size(const char* field, int64_t otherwise) const;
  double number(const char* field, double otherwise) const;
  /// A finite float32 above 0, or at least 0.
  double positive(const char* field, double otherwise) const;
  double not_negative(const char* field, double otherwise) const;
  bool boolean(const char* field, bool otherwise) const;
  std::string text(const char* field) const;
  std::string text(const char* field, const std::string& otherwise) const;
  /// The object under `field`; none where it is absent or null.
  std::optional<ConfigFile> object(const char* field) const;
  /// The first of `fields` that is there: old and new spellings of one thing.
  std::optional<ConfigFile> first_object(std::initializer_list<const char*> fields) const;

  /// The objects of an array, "file: field[0]" and so on; none where it is absent. What they are
  /// asked for they remember by themselves.
  std::vector<ConfigFile> objects(const char* field) const;

  /// The texts of an array; what is no text there is left out. Empty where it is absent.
  std::vector<std::string> texts(const char* field) const;

  /// What the log is to say of the fields that nobody asked for: each begins with the file's name.
  /// Throws LoadError where a field is refused.
  std::vector<std::string> review(std::initializer_list<folder::FieldTable> tables) const;

  /// Throws LoadError where a field is refused, or was not asked for and is in no table.
  void refuse_unknown(std::initializer_list<folder::FieldTable> tables) const;

  const nlohmann::json& json() const { return object_; }
  const std::string& path() const { return path_; }
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  const nlohmann::json* find(const char* field) const;
  std::string path_;
  nlohmann::json object_;
  std::string prefix_;  // of the names that are remembered: "rope_scaling."
  std::shared_ptr<folder::FieldsRead> read_ = std::make_shared<folder::FieldsRead>();
};

}  // namespace weir::nn
