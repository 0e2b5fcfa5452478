#include "nn/heads/tag_scheme.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "nn/heads/head_layer.h"
#include "weir/base/excerpt.h"

namespace weir::nn {
namespace {

struct Scheme {
  std::string_view name;
  std::string_view letters;  // that a label may begin with
};

constexpr Scheme kSchemes[] = {{"BIO", "BI"},     {"IOB1", "BI"},    {"IOB2", "BI"},   {"IO", "I"},
                               {"BIOES", "BIES"}, {"IOBES", "BIES"}, {"BILOU", "BILU"}};

const Scheme& scheme_of(const ConfigFile& file, const std::string& name) {
  std::string known;
  for (const Scheme& scheme : kSchemes) {
    if (name == scheme.name) return scheme;
    known += (known.empty() ? "" : ", ") + std::string(scheme.name);
  }
  file.refuse("tag_scheme \"" + excerpt(name) + "\" is not supported (" + known + ")");
}

bool has_letter(std::string_view label, std::string_view letters) {
  return label.size() > 2 && label[1] == '-' && letters.find(label[0]) != std::string_view::npos;
}

void check_letters(const ConfigFile& file, std::span<const std::string> labels) {
  const Scheme& scheme = scheme_of(file, file.text("tag_scheme"));
  bool begins = false;  // whether spans are looked for at all
  for (const std::string& label : labels) {
    if (label != "O" && !has_letter(label, scheme.letters))
      file.refuse("labels has \"" + excerpt(label) + "\", which tag_scheme " +
                  std::string(scheme.name) + " does not have");
    begins = begins || has_letter(label, "BI");
  }
  if (!begins)
    file.refuse("tag_scheme is " + std::string(scheme.name) +
                ", and no label begins with \"B-\" or \"I-\"");
}

void check_kinds(const ConfigFile& file, std::span<const std::string> labels) {
  const std::vector<std::string> types = texts_of(file, "entity_types");
  const std::set<std::string> said(types.begin(), types.end());
  const bool has_roles =
      std::ranges::any_of(labels, [](const std::string& label) { return has_letter(label, "BI"); });
  std::set<std::string> kinds;
  for (const std::string& label : labels)
    if (label != "O")
      kinds.insert(has_roles && has_letter(label, "BIELSU") ? label.substr(2) : label);
  if (said == kinds) return;
  std::string shown;
  for (const std::string& kind : kinds) shown += (shown.empty() ? "" : ", ") + kind;
  file.refuse("entity_types is " + excerpt(file.json().at("entity_types").dump()) +
              "; labels has the kinds " + excerpt(shown));
}

}  // namespace

void check_tag_scheme(const ConfigFile& file, std::span<const std::string> labels) {
  if (file.has("tag_scheme")) check_letters(file, labels);
  if (file.has("entity_types")) check_kinds(file, labels);
  check_wording(file, "entities",
                {"words",
                 "B-X opens an entity, I-X continues it; it spans from the start of its first word "
                 "to the end of its last word. No words: no entities."});
}

void refuse_tag_fields(const ConfigFile& file) {
  for (const char* field : {"words", "tag_scheme", "entity_types", "entities"})
    if (file.has(field))
      file.refuse(std::string(field) + " is there; only a token-classification has it");
}

}  // namespace weir::nn
