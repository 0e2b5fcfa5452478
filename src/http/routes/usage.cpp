#include <fmt/format.h>
#include <httplib.h>

#include "http/answer/answer.h"
#include "http/json_text.h"
#include "http/route.h"
#include "weir/base/error_name.h"

namespace weir::http {
namespace {

struct UsageAsked {
  serve::UsageQuery query;
  std::string format;  // empty: as the Accept header says
};

Result<UsageAsked> read_query(const Exchange& exchange) {
  UsageAsked asked;
  const std::map<std::string, std::string*> known{{"from", &asked.query.from},
                                                  {"to", &asked.query.to},
                                                  {"key", &asked.query.key},
                                                  {"model", &asked.query.model},
                                                  {"format", &asked.format}};
  for (const auto& [name, value] : exchange.query) {
    auto field = known.find(name);
    if (field == known.end())
      return invalid(fmt::format("unknown parameter \"{}\"; /v1/usage takes from, to, key, model, "
                                 "format",
                                 name.substr(0, 40)),
                     name.substr(0, 40), error_name::kUnknownParameter);
    if (exchange.query.count(name) > 1)
      return invalid(fmt::format("{} is given {} times", name, exchange.query.count(name)), name,
                     error_name::kInvalidValue);
    *field->second = value;
  }
  if (!asked.format.empty() && asked.format != "json" && asked.format != "csv")
    return invalid(
        fmt::format("format must be json or csv, not \"{}\"", asked.format.substr(0, 40)), "format",
        error_name::kInvalidValue);
  return asked;
}

bool wants_csv(const UsageAsked& asked, const Exchange& exchange) {
  if (!asked.format.empty()) return asked.format == "csv";
  return exchange.accept.find("text/csv") != std::string::npos;
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

Result<void> get_usage(Exchange& exchange, httplib::Response& response) {
  auto asked = read_query(exchange);
  if (!asked) return asked.error();
  auto rows = exchange.daemon.service.usage(asked->query, exchange.caller);
  if (!rows) return rows.error();
  if (!wants_csv(*asked, exchange)) {
    answer_json(response, usage_json(*rows));
    return {};
  }
  response.status = 200;
  response.set_content(serve::usage_csv(*rows), "text/csv; charset=utf-8; header=present");
  return {};
}

}  // namespace weir::http
