#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::serve {

/// What a tagger's label says of a unit: its part in a span, and the kind of the span. Points into
/// the label's text.
struct LabelRole {
  enum class Role : uint8_t { outside, begin, inside, end, alone };

  Role role = Role::outside;
  std::string_view kind;
};

/// The roles of a tagger's labels, by column. spans_of() describes the scheme.
std::vector<LabelRole> label_roles(std::span<const std::string> labels);

/// The roles for Aggregation::none: each unit that is not "O" is a span of its own, under the
/// model's label.
std::vector<LabelRole> whole_labels(std::span<const std::string> labels);

}  // namespace weir::serve
