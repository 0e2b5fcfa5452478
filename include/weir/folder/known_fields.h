#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::folder {

/// What a field does that the reader of its file does not ask for.
enum class Verdict : uint8_t {
  used,      // another part reads it
  harmless,  // no value of it changes an answer
  told,      // changes an answer, is not applied, and the log says so
  refused,   // changes every answer: a model that sets it is not served
};

/// One line of a table of known fields. Null is absence, whatever the verdict.
struct KnownField {
  std::string_view name;  // "rope_scaling.mscale" inside an object; "_*": all that begin so
  Verdict verdict = Verdict::harmless;
  std::string_view note = {};     // of told and refused: why
  std::string_view neutral = {};  // of told and refused: a JSON array of values that do nothing
};

using FieldTable = std::span<const KnownField>;

/// Names of the fields of one file that were read, "object.field" for those inside an object.
using FieldsRead = std::set<std::string, std::less<>>;

/// What is to be said of a file beside what was read from it.
struct FieldReview {
  std::vector<std::string> notes;      // for the log, one a subject
  std::optional<std::string> refusal;  // the first refused field, with its value and why
};

/// Holds the fields of `object` against those that were read and the tables. A field in none of
/// them is named in a note. An array is neutral where each of its values is. A field that was read
/// is not looked up, but for the fields inside it where it is an object.
FieldReview review_fields(const nlohmann::json& object, const FieldsRead& read,
                          std::initializer_list<FieldTable> tables);

}  // namespace weir::folder
