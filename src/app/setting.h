#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "app/config.h"
#include "weir/base/result.h"

namespace weir::app {

enum class Kind : uint8_t { text, list, whole, toggle, choice, bytes, duration, secret };

/// A checked value. whole and bytes are int64_t (-1 is "auto"), choice and secret are text.
using Value =
    std::variant<std::string, std::vector<std::string>, int64_t, bool, std::chrono::milliseconds>;

/// One setting: a flag --name, an environment variable WEIR_NAME and a line of the configuration
/// file.
struct Setting {
  std::string name;  // "max-num-seqs"
  Kind kind = Kind::text;
  std::string fallback;  // the default, as text; a list's is always empty
  std::string help;      // one line
  void (*apply)(Config&, const Value&) = nullptr;
  int64_t least = 0, most = 0;       // of whole and bytes
  std::vector<std::string> choices;  // of choice
  bool has_auto = false;             // whole and bytes may be "auto"
  /// For text and secret: the value of a text. Errors: what is wrong with the text; they never
  /// repeat a secret. Null: the text is the value.
  Result<std::string> (*settle)(const std::string& text) = nullptr;
  bool refuses_empty_flag = false;  // so an empty shell variable does not switch keys off
  std::string word;                 // what the help calls the value: "DIR"; empty: by its kind
  std::string group;                // its heading in the help

  std::string variable() const;    // "WEIR_MAX_NUM_SEQS"
  std::string allowed() const;     // "a whole number from 1 to 4096"
  std::string value_word() const;  // in the help: "N", "SIZE", "on|off"; a toggle has none
};

/// All settings, in the order of the configuration file.
std::span<const Setting> settings();

/// Errors: the text of `setting.allowed()`, without name and origin.
Result<Value> parse_value(const Setting& setting, const std::string& text);

/// The value as a user would write it; a secret as "(set)".
std::string shown(const Setting& setting, const Value& value);

}  // namespace weir::app
