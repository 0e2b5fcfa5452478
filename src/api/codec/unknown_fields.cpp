#include "api/codec/unknown_fields.h"

#include <fmt/format.h>

#include "api/codec/foreign_fields.h"
#include "api/codec/json_reader.h"
#include "weir/base/error_name.h"
#include "weir/base/excerpt.h"
#include "weir/base/spelling.h"

namespace weir::api {
namespace {

constexpr size_t kMostHeader = 1024;  // bytes
constexpr size_t kMostName = 64;
constexpr std::string_view kBetween = ", ", kRest = "...";
// Unknown fields of one body that are compared with the known ones. More than these are hardly
// misspellings, and each comparison takes time.
constexpr size_t kMostCompared = 64;

std::string joined(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

// A name in the form for headers and log lines. It has no comma, since commas separate names.
std::string printable(std::string_view name) {
  std::string shown(name.substr(0, kMostName));
  for (char& c : shown)
    if (c <= ' ' || c > '~' || c == ',') c = '?';
  return shown;
}

size_t edits_allowed(std::string_view given) {
  if (given.size() < 5) return 0;
  return given.size() < 8 ? 1 : 2;
}

[[noreturn]] void refuse_unknown(const std::string& path, std::string_view given,
                                 std::string_view meant) {
  const std::string at = joined(path, given);
  std::string message = fmt::format("unknown field \"{}\"", excerpt(at));
  if (!meant.empty()) message += fmt::format("; did you mean \"{}\"?", meant);
  refuse(std::move(message), at, error_name::kUnknownParameter);
}

}  // namespace

void UnknownFields::meet(const std::string& path, std::string_view name,
                         std::span<const std::string_view> known) {
  const bool judged = count_ < kMostCompared && program_of(name).empty();
  const size_t edits = judged ? edits_allowed(name) : 0;
  for (size_t some = 1; some <= edits; ++some)  // the nearest name comes first
    for (std::string_view candidate : known)
      if (edits_at_most(name, candidate, some)) refuse_unknown(path, name, candidate);
  if (rule_ == Rule::refuse) refuse_unknown(path, name, {});
  ++count_;
  if (bytes_ > kMostHeader) return;
  paths_.push_back(joined(path, printable(name)));
  bytes_ += paths_.back().size() + kBetween.size();
}

void UnknownFields::refuse_if_misspelt(const std::string& path, std::string_view given,
                                       std::string_view name) {
  const size_t edits = edits_allowed(given);
  if (edits == 0 || !edits_at_most(given, name, edits) || !program_of(given).empty()) return;
  refuse_unknown(path, given, name);
}

std::string UnknownFields::header() const {
  std::string header;
  for (const std::string& path : paths_) {
    const size_t rest = kBetween.size() + kRest.size();
    if (header.size() + kBetween.size() + path.size() + rest > kMostHeader) {
      header += header.empty() ? kRest : ", ...";
      return header;
    }
    if (!header.empty()) header += kBetween;
    header += path;
  }
  if (count_ > paths_.size()) header += ", ...";
  return header;
}

}  // namespace weir::api
