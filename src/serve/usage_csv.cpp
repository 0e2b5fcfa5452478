#include "weir/serve/usage.h"

namespace weir::serve {
namespace {

void append_quoted(std::string& out, const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

const std::vector<UsageField>& usage_fields() {
  static const std::vector<UsageField> kFields{
      {"requests", &UsageEntry::requests},           {"refused", &UsageEntry::refused},
      {"input_tokens", &UsageEntry::input_tokens},   {"cached_tokens", &UsageEntry::cached_tokens},
      {"output_tokens", &UsageEntry::output_tokens}, {"wait_ms", &UsageEntry::wait_ms},
      {"queue_ms", &UsageEntry::queue_ms},           {"compute_ms", &UsageEntry::compute_ms},
  };
  return kFields;
}

std::string usage_csv(const std::vector<UsageRow>& rows) {
  std::string out = "day,key,model";
  for (const UsageField& field : usage_fields()) (out += ',') += field.name;
  out += "\r\n";
  for (const UsageRow& row : rows) {
    out += row.day + ',';
    append_quoted(out, row.usage.key);
    out += ',';
    append_quoted(out, row.usage.model);
    for (const UsageField& field : usage_fields())
      (out += ',') += std::to_string(row.usage.*field.count);
    out += "\r\n";
  }
  return out;
}

}  // namespace weir::serve
