#include <fmt/format.h>

#include "api/answer/answer.h"
#include "api/json_text.h"
#include "api/routes/handlers.h"
#include "weir/base/error_name.h"

namespace weir::api {
namespace {

struct UsageAsked {
  serve::UsageQuery query;
  std::string format;  // empty: the Accept header decides
};

Result<UsageAsked> read_query(const Call& call) {
  UsageAsked asked;
  const std::map<std::string, std::string*> known{{"from", &asked.query.from},
                                                  {"to", &asked.query.to},
                                                  {"key", &asked.query.key},
                                                  {"model", &asked.query.model},
                                                  {"format", &asked.format}};
  for (const auto& [name, value] : call.query) {
    auto field = known.find(name);
    if (field == known.end())
      return invalid(fmt::format("unknown parameter \"{}\"; /v1/usage takes from, to, key, model, "
                                 "format",
                                 name.substr(0, 40)),
                     name.substr(0, 40), error_name::kUnknownParameter);
    if (call.query.count(name) > 1)
      return invalid(fmt::format("{} is given {} times", name, call.query.count(name)), name,
                     error_name::kInvalidValue);
    *field->second = value;
  }
  if (!asked.format.empty() && asked.format != "json" && asked.format != "csv")
    return invalid(
        fmt::format("format must be json or csv, not \"{}\"", asked.format.substr(0, 40)), "format",
        error_name::kInvalidValue);
  return asked;
}

bool wants_csv(const UsageAsked& asked, const Call& call) {
  if (!asked.format.empty()) return asked.format == "csv";
  return call.accept.find("text/csv") != std::string::npos;
}

void append_row(std::string& out, const serve::UsageRow& row) {
  out += R"({"day":)";
  append_json(out, row.day);
  out += R"(,"key":)";
  append_json(out, row.usage.key);
  out += R"(,"model":)";
  append_json(out, row.usage.model);
  for (const serve::UsageField& field : serve::usage_fields()) {
    out += ',';
    append_json(out, field.name);
    out += ':';
    append_json(out, row.usage.*field.count);
  }
  out += '}';
}

std::string usage_json(const std::vector<serve::UsageRow>& rows) {
  std::string out = R"({"object":"list","data":[)";
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) out += ',';
    append_row(out, rows[i]);
  }
  return out += "]}";
}

}  // namespace

Result<Said> get_usage(Call& call, Api& api) {
  auto asked = read_query(call);
  if (!asked) return asked.error();
  auto rows = api.service.usage(asked->query, call.caller);
  if (!rows) return rows.error();
  if (!wants_csv(*asked, call)) return answer_json(usage_json(*rows));
  return Said{.type = "text/csv; charset=utf-8; header=present", .body = serve::usage_csv(*rows)};
}

}  // namespace weir::api
