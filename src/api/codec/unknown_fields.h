#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::api {

/// The fields of one body that no codec asked for, at every level of it. Used by one thread.
///
/// A field that is not known is ignored and noted, so that the client can be told. A likely
/// misspelling of a known field is refused, since its value would be lost: a name of five letters
/// or more with one edit, of eight or more with two. Names that other programs know are never taken
/// for misspellings.
class UnknownFields {
 public:
  enum class Rule : uint8_t { ignore, refuse };

  explicit UnknownFields(Rule rule = Rule::ignore) : rule_(rule) {}
  virtual ~UnknownFields() = default;

  /// Notes field `name` of the object at `path` (empty: the body itself), where `known` are the
  /// fields that it could have had. Throws Refusal: a misspelling, or any under Rule::refuse.
  virtual void meet(const std::string& path, std::string_view name,
                    std::span<const std::string_view> known);

  /// Refuses `name`, which is missing, as a misspelling if `given` is one of it. Throws Refusal.
  static void refuse_if_misspelt(const std::string& path, std::string_view given,
                                 std::string_view name);

  size_t count() const { return count_; }  // of ignored fields
  /// The first of them by path, in printable ASCII: as many as a header takes.
  const std::vector<std::string>& paths() const { return paths_; }
  /// The paths, separated by commas, of at most 1 kB; `...` stands for the rest.
  std::string header() const;

 private:
  const Rule rule_;
  size_t count_ = 0, bytes_ = 0;
  std::vector<std::string> paths_;
};

}  // namespace weir::api
