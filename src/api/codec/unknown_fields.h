#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::api {

/// The fields of one body that no codec asked for, at every level. Used by one thread.
///
/// An unknown field is ignored and noted, so that the answer can name it. A likely misspelling of a
/// known field is refused, since its value would be lost: a name of five letters or more that
/// differs by one edit, or of eight or more that differs by two. A name that another program knows
/// is never a misspelling.
class UnknownFields {
 public:
  enum class Rule : uint8_t { ignore, refuse };

  explicit UnknownFields(Rule rule = Rule::ignore) : rule_(rule) {}
  virtual ~UnknownFields() = default;

  /// Notes the field `name` of the object at `path` (empty: the body itself). `known`: the fields
  /// that the object may have. Throws Refusal: a misspelling; with Rule::refuse any field.
  virtual void meet(const std::string& path, std::string_view name,
                    std::span<const std::string_view> known);

  /// Throws Refusal if `given` is a misspelling of the missing field `name`.
  static void refuse_if_misspelt(const std::string& path, std::string_view given,
                                 std::string_view name);

  size_t count() const { return count_; }  // of ignored fields
  /// The paths of the first ones, in printable ASCII: as many as a header takes.
  const std::vector<std::string>& paths() const { return paths_; }
  /// The paths, separated by commas, of at most 1 kB; `...` stands for the rest.
  std::string header() const;

 private:
  const Rule rule_;
  size_t count_ = 0, bytes_ = 0;
  std::vector<std::string> paths_;
};

}  // namespace weir::api
