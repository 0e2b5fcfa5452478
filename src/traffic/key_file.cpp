#include "traffic/key_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "weir/traffic/duration.h"

namespace weir::traffic {
namespace {

/// Thrown and caught in this file only. The parser's own errors are exceptions too.
struct KeyFileFault {
  toml::source_index line;
  std::string message;
};

[[noreturn]] void refuse(const toml::node& where, std::string message) {
  throw KeyFileFault{where.source().begin.line, std::move(message)};
}

std::string shown(const toml::node& node) {
  std::string text;
  node.visit([&](const auto& value) {
    if constexpr (toml::is_string<decltype(value)>) {
      text = '"' + value.get() + '"';
    } else if constexpr (toml::is_integer<decltype(value)> ||
                         toml::is_floating_point<decltype(value)>) {
      text = std::to_string(value.get());
    } else if constexpr (toml::is_boolean<decltype(value)>) {
      text = value.get() ? "true" : "false";
    } else {
      text = "this";
    }
  });
  return text;
}

/// Every refusal of a value has the form "field: VALUE is not ALLOWED".
[[noreturn]] void refuse_value(const toml::node& node, const std::string& field,
                               const std::string& allowed) {
  refuse(node, field + ": " + shown(node) + " is not " + allowed);
}

std::string text_of(const toml::node& node, const std::string& field) {
  const auto* text = node.as_string();
  if (text == nullptr || text->get().empty()) refuse_value(node, field, "a text");
  return text->get();
}

const toml::array& list_of(const toml::node& node, const std::string& field) {
  const toml::array* list = node.as_array();
  if (list == nullptr) refuse_value(node, field, "a list");
  return *list;
}

std::chrono::microseconds duration_of(const toml::node& node, const std::string& field) {
  const auto* text = node.as_string();
  const auto* seconds = node.as_integer();
  auto duration = text != nullptr      ? parse_duration(text->get())
                  : seconds != nullptr ? parse_duration(std::to_string(seconds->get()))
                                       : std::nullopt;
  if (!duration)
    refuse_value(node, field,
                 "a duration such as \"250ms\", \"2s\", \"1m\", \"1h\", \"1d\", or a number of "
                 "seconds");
  return *duration;
}

template <class T>
T word_of(const toml::node& node, const std::string& field,
          const std::vector<std::pair<std::string, T>>& words) {
  const auto* text = node.as_string();
  std::string all;
  for (const auto& [word, value] : words) {
    if (text != nullptr && text->get() == word) return value;
    all += (all.empty() ? "" : ", ") + word;
  }
  refuse_value(node, field, "one of " + all);
}

using Readers = std::map<std::string, std::function<void(const toml::node&)>>;

/// Reads a table with its readers. Every field must have a reader, and every name in `required`
/// must be there.
void read_table(const toml::node& node, const std::string& what, const Readers& readers,
                const std::vector<std::string>& required) {
  const toml::table* table = node.as_table();
  if (table == nullptr) refuse_value(node, what, "a table");
  for (const auto& [field, value] : *table) {
    auto reader = readers.find(std::string(field.str()));
    if (reader == readers.end()) {
      std::string known;
      for (const auto& [name, unused] : readers) known += (known.empty() ? "" : ", ") + name;
      throw KeyFileFault{
          field.source().begin.line,
          what + ": unknown field \"" + std::string(field.str()) + "\"; known are " + known};
    }
    reader->second(value);
  }
  for (const std::string& field : required) {
    if (!table->contains(field)) refuse(node, what + ": " + field + " is missing");
  }
}

int64_t cap_of(const toml::node& node) {
  constexpr int64_t kMost = 1'000'000'000'000;
  const auto* cap = node.as_integer();
  if (cap == nullptr || cap->get() < 1 || cap->get() > kMost) {
    refuse_value(node, "cap", "a whole number from 1 to " + std::to_string(kMost));
  }
  return cap->get();
}

/// A limit of concurrent requests has neither window nor period. Every other limit has one of them.
void check_span(const toml::node& node, const Limit& limit) {
  bool has_window = limit.window.count() > 0, has_period = limit.calendar != Calendar::none;
  if (limit.unit == Unit::concurrent) {
    if (has_window || has_period) {
      refuse(node, "limit: unit \"concurrent\" takes neither window nor per");
    }
  } else if (has_window == has_period) {
    refuse(node, has_window ? "limit: window and per are there both"
                            : "limit: window is missing (or per = \"day\" or \"month\")");
  }
}

enum class Owner : uint8_t { key, other };

Limit limit_of(const toml::node& node, Owner owner) {
  Limit limit{};
  Readers readers{
      {"unit",
       [&](const toml::node& value) {
         limit.unit = word_of<Unit>(value, "unit",
                                    {{"requests", Unit::requests},
                                     {"tokens", Unit::tokens},
                                     {"input_tokens", Unit::input_tokens},
                                     {"output_tokens", Unit::output_tokens},
                                     {"concurrent", Unit::concurrent}});
       }},
      {"cap", [&](const toml::node& value) { limit.cap = cap_of(value); }},
      {"window",
       [&](const toml::node& value) {
         limit.window = duration_of(value, "window");
         if (limit.window.count() == 0) refuse_value(value, "window", "above 0");
       }},
      {"per",
       [&](const toml::node& value) {
         limit.calendar =
             word_of<Calendar>(value, "per", {{"day", Calendar::day}, {"month", Calendar::month}});
       }},
  };
  if (owner == Owner::key) {
    readers.emplace("model",
                    [&](const toml::node& value) { limit.model = text_of(value, "model"); });
  }
  read_table(node, "limit", readers, {"unit", "cap"});
  check_span(node, limit);
  return limit;
}

bool same_bucket(const Limit& a, const Limit& b) {
  return a.unit == b.unit && a.window == b.window && a.calendar == b.calendar && a.model == b.model;
}

std::vector<Limit> limits_of(const toml::node& node, Owner owner) {
  std::vector<Limit> limits;
  for (const toml::node& item : list_of(node, "limits")) {
    Limit limit = limit_of(item, owner);
    for (const Limit& other : limits) {
      if (same_bucket(other, limit)) refuse(item, "limits: the same unit and window twice");
    }
    limits.push_back(limit);
  }
  return limits;
}

std::string hash_of(const toml::node& node) {
  constexpr std::string_view kPrefix = "sha256:";
  std::string hash = text_of(node, "hash");
  auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  std::string_view digits = std::string_view(hash).substr(std::min(kPrefix.size(), hash.size()));
  if (!hash.starts_with(kPrefix) || digits.size() != 64 ||
      !std::all_of(digits.begin(), digits.end(), is_hex)) {
    refuse_value(node, "hash", "\"sha256:\" and 64 digits of lower-case hex");
  }
  return hash;
}

double weight_of(const toml::node& node) {
  std::optional<double> weight = node.is_number() ? node.value<double>() : std::nullopt;
  if (!weight || !(*weight >= 0.001 && *weight <= 1000)) {
    refuse_value(node, "weight", "a number from 0.001 to 1000");
  }
  return *weight;
}

int priority_of(const toml::node& node) {
  const auto* number = node.as_integer();
  if (number == nullptr || number->get() < 0 || number->get() > 9) {
    refuse_value(node, "priority", "a whole number from 0 to 9");
  }
  return static_cast<int>(number->get());
}

std::vector<std::string> models_of(const toml::node& node) {
  std::vector<std::string> models;
  for (const toml::node& item : list_of(node, "models")) models.push_back(text_of(item, "models"));
  return models;
}

std::vector<Scope> scopes_of(const toml::node& node) {
  std::vector<Scope> scopes;
  for (const toml::node& item : list_of(node, "scopes")) {
    scopes.push_back(word_of<Scope>(
        item, "scopes",
        {{"infer", Scope::infer}, {"usage", Scope::usage}, {"admin", Scope::admin}}));
  }
  return scopes;
}

std::pair<std::string, Key> key_of(const toml::node& node) {
  std::string hash;
  Key key;
  Readers readers{
      {"name",
       [&](const toml::node& value) {
         key.name = text_of(value, "name");
         if (auto good = check_key_name(key.name); !good) refuse(value, good.error().message);
       }},
      {"hash", [&](const toml::node& value) { hash = hash_of(value); }},
      {"tenant", [&](const toml::node& value) { key.tenant = text_of(value, "tenant"); }},
      {"models", [&](const toml::node& value) { key.models = models_of(value); }},
      {"scopes", [&](const toml::node& value) { key.scopes = scopes_of(value); }},
      {"weight", [&](const toml::node& value) { key.weight = weight_of(value); }},
      {"priority", [&](const toml::node& value) { key.priority = priority_of(value); }},
      {"max_wait",
       [&](const toml::node& value) {
         key.max_wait =
             std::chrono::floor<std::chrono::milliseconds>(duration_of(value, "max_wait"));
       }},
      {"limits", [&](const toml::node& value) { key.limits = limits_of(value, Owner::key); }},
  };
  read_table(node, "key", readers, {"name", "hash"});
  if (key.tenant.empty()) key.tenant = key.name;
  return {std::move(hash), std::move(key)};
}

std::chrono::milliseconds first_token_of(const toml::node& node) {
  auto time = std::chrono::floor<std::chrono::milliseconds>(duration_of(node, "first_token_p99"));
  if (time.count() == 0) refuse_value(node, "first_token_p99", "1 ms or more");
  return time;
}

ModelLimits model_of(const toml::node& node) {
  ModelLimits model;
  Capacity& capacity = model.capacity;
  Readers readers{
      {"name", [&](const toml::node& value) { model.name = text_of(value, "name"); }},
      {"limits", [&](const toml::node& value) { model.limits = limits_of(value, Owner::other); }},
      {"capacity",
       [&](const toml::node& value) {
         capacity.kind = word_of<Capacity::Kind>(
             value, "capacity",
             {{"auto", Capacity::Kind::automatic}, {"frozen", Capacity::Kind::frozen}});
       }},
      {"first_token_p99",
       [&](const toml::node& value) { capacity.first_token_p99 = first_token_of(value); }},
  };
  read_table(node, "model", readers, {"name"});
  const toml::table& table = *node.as_table();
  if (!table.contains("limits") && !table.contains("capacity")) {
    refuse(node, "model: limits or capacity is missing");
  }
  if (table.contains("first_token_p99") && !table.contains("capacity")) {
    refuse(node, "model: first_token_p99 goes with capacity");
  }
  return model;
}

TenantLimits tenant_of(const toml::node& node) {
  TenantLimits tenant;
  Readers readers{
      {"name", [&](const toml::node& value) { tenant.name = text_of(value, "name"); }},
      {"limits", [&](const toml::node& value) { tenant.limits = limits_of(value, Owner::other); }},
  };
  read_table(node, "tenant", readers, {"name", "limits"});
  return tenant;
}

double cached_weight_of(const toml::node& node) {
  std::optional<double> weight = node.is_number() ? node.value<double>() : std::nullopt;
  if (!weight || !(*weight >= 0 && *weight <= 1)) {
    refuse_value(node, "cached_weight", "a number from 0 to 1");
  }
  return *weight;
}

/// Reads each table of `list`. A repeated name is refused.
template <class Named>
void read_named(const toml::node& list, const std::string& what, Named (*read)(const toml::node&),
                std::vector<Named>& into) {
  for (const auto& item : list_of(list, what)) {
    Named named = read(item);
    for (const Named& other : into) {
      if (other.name == named.name) {
        refuse(item, what + ": name \"" + named.name + "\" stands twice");
      }
    }
    into.push_back(std::move(named));
  }
}

KeyFile file_of(const toml::table& root) {
  KeyFile file;
  std::set<std::string> names, hashes;
  auto read_key = [&](const toml::node& item) {
    auto [hash, key] = key_of(item);
    if (!names.insert(key.name).second) refuse(item, "key: name \"" + key.name + "\" stands twice");
    if (!hashes.insert(hash).second)
      refuse(item, "key: the hash of \"" + key.name + "\" stands twice");
    file.keys.emplace_back(std::move(hash), std::move(key));
  };
  Readers readers{
      {"key",
       [&](const toml::node& list) {
         for (const auto& item : list_of(list, "key")) read_key(item);
       }},
      {"tenant",
       [&](const toml::node& list) { read_named(list, "tenant", tenant_of, file.rules.tenants); }},
      {"model",
       [&](const toml::node& list) { read_named(list, "model", model_of, file.rules.models); }},
      {"cached_weight",
       [&](const toml::node& value) { file.rules.cached_weight = cached_weight_of(value); }},
  };
  read_table(root, "key file", readers, {});
  return file;
}

Error wrong(std::string_view name, toml::source_index line, std::string_view message) {
  return invalid(std::string(name) + ":" + std::to_string(line) + ": " + std::string(message));
}

}  // namespace

Result<KeyFile> parse_key_file(std::string_view toml, std::string_view name) {
  try {
    return file_of(toml::parse(toml, name));
  } catch (const toml::parse_error& error) {
    return wrong(name, error.source().begin.line, error.description());
  } catch (const KeyFileFault& refusal) {
    return wrong(name, refusal.line, refusal.message);
  }
}

}  // namespace weir::traffic
