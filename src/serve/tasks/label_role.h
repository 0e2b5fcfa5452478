#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::serve {

/// What a tagger's label says of a unit: its part in a span, and the kind of the span. Refers to
/// the label's text.
struct LabelRole {
  enum class Role : uint8_t { outside, begin, inside, end, alone };

  Role role = Role::outside;
  std::string_view kind;
};

/// The roles of a tagger's labels, by column; the scheme is described at spans_of.
std::vector<LabelRole> label_roles(std::span<const std::string> labels);

/// The roles where each unit that is not "O" is a span of its own, named as the model names it.
std::vector<LabelRole> whole_labels(std::span<const std::string> labels);

}  // namespace weir::serve
