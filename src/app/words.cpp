#include "app/words.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "app/foreign_flags.h"
#include "weir/base/excerpt.h"
#include "weir/base/spelling.h"

namespace weir::app {
namespace {

constexpr size_t kMostEdits = 2;
constexpr size_t kShort = 7;  // "--keys": two edits make too many words of so few letters

bool begins_a_flag(const std::string& word) { return word.starts_with("--"); }

const Flag* find(const std::string& name, const std::vector<Flag>& flags) {
  for (const Flag& flag : flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

/// The flag nearest to `name`; null: none is near.
const Flag* meant_by(const std::string& name, const std::vector<Flag>& flags) {
  const size_t most = name.size() < kShort ? 1 : kMostEdits;
  for (size_t edits = 1; edits <= most; ++edits) {
    for (const Flag& flag : flags) {
      if (edits_at_most(name, flag.name, edits)) return &flag;
    }
  }
  return nullptr;
}

Error unknown(const std::string& name, const std::vector<Flag>& flags) {
  if (auto foreign = foreign_flag(name)) return invalid(name + ": " + foreign->answer);
  const std::string what = "there is no flag " + excerpt(name);
  if (const Flag* meant = meant_by(name, flags))
    return invalid(what + "; did you mean " + meant->name + "?");
  return invalid(what);
}

}  // namespace

Result<std::vector<std::string>> one_word_each(std::span<const std::string> words,
                                               const std::vector<Flag>& flags) {
  std::vector<std::string> checked;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const size_t equals = std::min(word.find('='), word.size());
    const std::string name = word.substr(0, equals);
    const Flag* flag = find(name, flags);
    if (flag == nullptr && word.starts_with("-") && name.find_first_not_of('-') < name.size())
      return unknown(name, flags);
    if (flag == nullptr)
      return invalid(
          fmt::format("\"{}\" belongs to no flag: each flag takes one word", excerpt(word)));
    if (!flag->has_value) {
      checked.push_back(word);
      continue;
    }
    checked.push_back(name);
    if (equals < word.size()) {
      checked.push_back(word.substr(equals + 1));
      continue;
    }
    if (i + 1 == words.size()) return invalid(name + " needs a value");
    if (begins_a_flag(words[i + 1]))
      return invalid(name + " needs a value; the word after it, " + excerpt(words[i + 1]) +
                     ", is a flag");
    checked.push_back(words[++i]);
  }
  return checked;
}

}  // namespace weir::app
