#include "app/words.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "app/foreign_flags.h"
#include "weir/base/excerpt.h"
#include "weir/base/spelling.h"

namespace weir::app {
namespace {

constexpr size_t kMostEdits = 2;
constexpr size_t kShort = 7;     // "--keys": within two edits of so few letters are too many words
constexpr size_t kTooShort = 3;  // in "-p" and "-h" each letter makes another flag

bool begins_a_flag(const std::string& word) { return word.starts_with("--"); }

const Flag* find(const std::string& name, const std::vector<Flag>& flags) {
  for (const Flag& flag : flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

Error unknown(const std::string& name, const std::vector<Flag>& flags) {
  if (auto foreign = foreign_flag(name))
    return invalid(excerpt(name) + ": " + std::string(foreign->answer));
  const std::string what = "there is no flag " + excerpt(name);
  std::vector<std::string> names;
  for (const Flag& flag : flags) names.push_back(flag.name);
  if (const std::string* meant = meant_by(name, names))
    return invalid(what + "; did you mean " + *meant + "?");
  return invalid(what);
}

bool is_truth(const std::string& word) {
  constexpr std::array<std::string_view, 8> kWords{"true", "false", "1",  "0",
                                                   "yes",  "no",    "on", "off"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

/// The error for a word that belongs to no flag. `before`: the word before it, if any.
Error stray(const std::string& word, const std::string& before, const Syntax& syntax) {
  const Flag* flag = find(before, syntax.flags);
  const std::string what = fmt::format("\"{}\" belongs to no flag: ", excerpt(word));
  if (flag != nullptr && !flag->has_value && is_truth(word))
    return invalid(what + before + " stands alone, or as " + before + "=true or " + before +
                   "=false");
  if (syntax.words.empty()) return invalid(what + "each flag takes one word");
  return invalid(what + syntax.words.front() +
                 " stands before the flags, and each flag takes one word");
}

}  // namespace

std::string joined(std::span<const std::string> items, std::string_view between) {
  return fmt::format("{}", fmt::join(items, between));
}

const std::string* meant_by(const std::string& name, std::span<const std::string> names) {
  if (name.size() < kTooShort) return nullptr;
  const size_t most = name.size() < kShort ? 1 : kMostEdits;
  for (size_t edits = 1; edits <= most; ++edits) {
    for (const std::string& each : names) {
      if (edits_at_most(name, each, edits)) return &each;
    }
  }
  return nullptr;
}

Result<std::vector<std::string>> one_word_each(std::span<const std::string> words,
                                               const Syntax& syntax) {
  const std::vector<Flag>& flags = syntax.flags;
  std::vector<std::string> checked;
  size_t i = 0;
  while (i < std::min(words.size(), syntax.words.size()) && !words[i].empty() &&
         !words[i].starts_with('-'))
    checked.push_back(words[i++]);
  for (; i < words.size(); ++i) {
    const std::string& word = words[i];
    const size_t equals = std::min(word.find('='), word.size());
    const std::string name = word.substr(0, equals);
    const Flag* flag = find(name, flags);
    if (flag == nullptr && word.starts_with("-") && name.find_first_not_of('-') < name.size())
      return unknown(name, flags);
    if (flag == nullptr) return stray(word, i > 0 ? words[i - 1] : "", syntax);
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
