#include "api/ignored_fields.h"

#include <spdlog/spdlog.h>

#include <string_view>

#include "api/codec/foreign_fields.h"

namespace weir::api {
namespace {

constexpr size_t kMostNames = 100;

// messages[3].content[0].id becomes messages[].content[].id, which is the same name in every
// message.
std::string without_places(std::string_view path) {
  std::string name;
  bool inside = false;
  for (char c : path) {
    if (c == ']') inside = false;
    if (!inside) name += c;
    if (c == '[') inside = true;
  }
  return name;
}

}  // namespace

void IgnoredFields::note(const UnknownFields& unknown) {
  if (unknown.count() == 0) return;
  count_.add(static_cast<double>(unknown.count()));
  for (const std::string& path : unknown.paths()) {
    const std::string name = without_places(path);
    if (!is_new(name)) continue;
    const std::string_view program = program_of(name.substr(name.rfind('.') + 1));
    spdlog::info("requests have a field that is not known and ignored: {}{}{}", name,
                 program.empty() ? "" : ", of ", program);
  }
}

bool IgnoredFields::is_new(const std::string& name) {
  std::lock_guard lock(mutex_);
  return names_.size() < kMostNames && names_.insert(name).second;
}

}  // namespace weir::api
