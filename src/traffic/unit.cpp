#include "weir/traffic/unit.h"

#include <algorithm>

namespace weir::traffic {

const char* word_of(Unit unit) {
  switch (unit) {
    case Unit::requests:
      return "requests";
    case Unit::tokens:
      return "tokens";
    case Unit::input_tokens:
      return "input_tokens";
    case Unit::output_tokens:
      return "output_tokens";
    case Unit::concurrent:
      return "concurrent";
    case Unit::capacity:
      return "capacity_us";
  }
  return "";
}

std::string words_of(Unit unit, char between) {
  std::string words = word_of(unit);
  if (unit == Unit::concurrent) words += "_requests";
  std::replace(words.begin(), words.end(), '_', between);
  return words;
}

}  // namespace weir::traffic
