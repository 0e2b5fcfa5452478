#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::app {

/// A flag of a command, "--port". Without a value it is a switch.
struct Flag {
  std::string name;
  bool has_value = true;
};

/// The items in one text, with `between` between each two.
std::string joined(std::span<const std::string> items, std::string_view between);

/// The one of `names` of which `name` is probably a misspelling; null: none is near.
const std::string* meant_by(const std::string& name, std::span<const std::string> names);

/// What a command takes.
struct Syntax {
  std::vector<Flag> flags;
  std::vector<std::string>
      words;  // the names of its own words, "DIR", which stand before its flags
};

/// The words after a command's name, with "--flag=value" as two words for flags that have a value.
/// A flag takes one word, which does not begin with "--" unless it is written "--flag=value".
/// Errors: a flag without its value; a word that neither a flag nor the command takes; an unknown
/// flag, with the flag that is probably meant.
Result<std::vector<std::string>> one_word_each(std::span<const std::string> words,
                                               const Syntax& syntax);

}  // namespace weir::app
