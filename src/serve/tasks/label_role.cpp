#include "serve/tasks/label_role.h"

#include <algorithm>

namespace weir::serve {

namespace {

using Role = LabelRole::Role;

Role role_of_letter(char letter) {
  switch (letter) {
    case 'B':
      return Role::begin;
    case 'I':
      return Role::inside;
    case 'E':
    case 'L':
      return Role::end;
    case 'S':
    case 'U':
      return Role::alone;
    default:
      return Role::outside;
  }
}

LabelRole role_of(std::string_view label, bool has_scheme) {
  if (label == "O") return {};
  const bool has_letter = has_scheme && label.size() > 2 && label[1] == '-';
  const Role role = has_letter ? role_of_letter(label[0]) : Role::outside;
  if (role == Role::outside) return {.role = Role::inside, .kind = label};
  return {.role = role, .kind = label.substr(2)};
}

}  // namespace

std::vector<LabelRole> label_roles(std::span<const std::string> labels) {
  const bool has_scheme = std::ranges::any_of(labels, [](std::string_view label) {
    return label.starts_with("B-") || label.starts_with("I-");
  });
  std::vector<LabelRole> roles;
  for (const std::string& label : labels) roles.push_back(role_of(label, has_scheme));
  return roles;
}

std::vector<LabelRole> whole_labels(std::span<const std::string> labels) {
  std::vector<LabelRole> roles;
  for (const std::string& label : labels) {
    roles.push_back(label == "O" ? LabelRole{} : LabelRole{.role = Role::alone, .kind = label});
  }
  return roles;
}

}  // namespace weir::serve
