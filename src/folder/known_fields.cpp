#include "weir/folder/known_fields.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "weir/base/excerpt.h"

namespace weir::folder {
namespace {

using nlohmann::json;

constexpr size_t kMostNames = 20;

bool matches(const KnownField& known, std::string_view name) {
  if (!known.name.ends_with('*')) return known.name == name;
  return name.starts_with(known.name.substr(0, known.name.size() - 1));
}

bool is_neutral(const KnownField& known, const json& value) {
  if (known.neutral.empty()) return false;
  const json neutral = json::parse(known.neutral);
  const auto one = [&](const json& each) {
    return std::find(neutral.begin(), neutral.end(), each) != neutral.end();
  };
  return one(value) || (value.is_array() && std::all_of(value.begin(), value.end(), one));
}

std::string say(const std::string& name, const json& value, std::string_view note) {
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return excerpt(name) + " is " + excerpt(text) + ": " + std::string(note);
}

class Reviewer {
 public:
  Reviewer(const FieldsRead& read, std::initializer_list<FieldTable> tables)
      : read_(read), tables_(tables) {}

  void look(const json& object, const std::string& prefix) {
    for (const auto& [key, value] : object.items()) {
      if (value.is_null()) continue;
      const std::string name = prefix + key;
      if (value.is_object() && is_open(name))
        look(value, name + '.');
      else if (!read_.contains(name))
        judge(name, value);
    }
  }

  FieldReview take() {
    if (!unknown_.empty()) {
      std::string names;
      for (size_t i = 0; i < std::min(unknown_.size(), kMostNames); ++i)
        names += (i ? ", " : "") + unknown_[i];
      if (unknown_.size() > kMostNames)
        names += " and " + std::to_string(unknown_.size() - kMostNames) + " more";
      review_.notes.push_back("not known and not read: " + names);
    }
    return std::move(review_);
  }

 private:
  /// Whether fields inside this object were read or are known.
  bool is_open(const std::string& name) const {
    const std::string inside = name + '.';
    const auto next = read_.lower_bound(inside);
    if (next != read_.end() && next->starts_with(inside)) return true;
    return find([&](const KnownField& known) { return known.name.starts_with(inside); });
  }

  void judge(const std::string& name, const json& value) {
    const KnownField* known = find([&](const KnownField& each) { return matches(each, name); });
    if (!known) {
      unknown_.push_back(excerpt(name));
      return;
    }
    if (known->verdict == Verdict::used || known->verdict == Verdict::harmless ||
        is_neutral(*known, value))
      return;
    std::string said = say(name, value, known->note);
    if (known->verdict == Verdict::told)
      review_.notes.push_back(std::move(said));
    else if (!review_.refusal)
      review_.refusal = std::move(said);
  }

  template <class Wanted>
  const KnownField* find(Wanted wanted) const {
    for (const FieldTable& table : tables_)
      for (const KnownField& known : table)
        if (wanted(known)) return &known;
    return nullptr;
  }

  const FieldsRead& read_;
  const std::vector<FieldTable> tables_;
  std::vector<std::string> unknown_;
  FieldReview review_;
};

}  // namespace

FieldReview review_fields(const json& object, const FieldsRead& read,
                          std::initializer_list<FieldTable> tables) {
  Reviewer reviewer(read, tables);
  reviewer.look(object, "");
  return reviewer.take();
}

}  // namespace weir::folder
